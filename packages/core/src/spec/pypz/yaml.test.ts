import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { PYYAML, stringifyPyYaml } from './yaml.js';

/** As `yaml.safe_load` of PyYAML 6.0 reads them. */
it.each<readonly [string, unknown]>([
  ['y', 'y'], ['N', 'N'], ['yes', true], ['Off', false], ['yEs', 'yEs'], ['~', null], ['NULL', null], ['nUll', 'nUll'],
  ['017', 15], ['08', '08'], ['0o17', '0o17'], ['-0b11', -3], ['0x1f', 31], ['+1_000', 1000], ['1:30', 90], ['-1:30:05', -5405], ['1:30.5', 90.5],
  ['1e3', '1e3'], ['1.0e3', '1.0e3'], ['1.5e+3', 1500], ['.5', 0.5], ['+.5', '+.5'], ['1.', 1], ['-.inf', -Infinity], ['.NaN', NaN],
])('%s is what PyYAML takes it for', (text, value) => {
  expect(parse(`v: ${text}`, PYYAML)).toEqual({ v: value });
});

/** Each was read by `yaml.safe_load` as the same value. */
it.each<readonly [unknown, string]>([
  [1e21, '1.0e+21'], [1.5e-7, '1.5e-7'], [-0, '-0.0'], [-Infinity, '-.inf'], [3, '3'], [0.25, '0.25'],
  ['y', 'y'], ['on', '"on"'], ['017', '"017"'], ['1:30', '"1:30"'], ['2026-11-26', '"2026-11-26"'], ['=', '"="'], ['<<', '"<<"'],
  ['a\tb', '"a\\tb"'], ['a\u0085b', '"a\\u0085b"'], ['\ufeff', '"\\ufeff"'], ['\ud83d', '"\\ud83d"'], ['é😀', 'é😀'],
])('%j is written so that PyYAML reads it', (value, text) => {
  expect(stringifyPyYaml({ v: value })).toBe(`v: ${text}\n`);
  expect(stringifyPyYaml({ [String(value)]: 1 })).not.toMatch(/^<<:/);
});

it('a date is refused, as pypz cannot take one', () => {
  expect(() => parse('v: 2026-11-26', PYYAML)).toThrow('put it in quotes');
});
