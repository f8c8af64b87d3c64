import { Document, visit, type DocumentOptions, type ParseOptions, type ScalarTag, type SchemaOptions, type Tags } from 'yaml';

/**
 * What a plain scalar means to PyYAML, which pypz reads and writes with: neither YAML 1.1 nor 1.2 to the letter, for `y` is a text
 * there and so is `1e3`, while `on`, `017` and `1:30` are none.
 *
 * Source: PyYAML 6.0, `lib/yaml/resolver.py`, `construct_yaml_int` and `construct_yaml_float` of `lib/yaml/constructor.py`.
 */
const SCALARS: readonly ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:bool', default: true,
    test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
    identify: (value) => typeof value === 'boolean',
    resolve: (text) => /^(?:yes|true|on)$/i.test(text),
    stringify: ({ value }) => String(value),
  },
  {
    tag: 'tag:yaml.org,2002:int', default: true,
    test: /^(?:[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/,
    identify: (value) => Number.isInteger(value) && !Object.is(value, -0) && Math.abs(value as number) < 1e21,
    resolve: (text) => signed(text, (digits) => (/^0b/.test(digits) ? parseInt(digits.slice(2), 2) : /^0x/.test(digits) ? parseInt(digits.slice(2), 16) : /^0[0-7]/.test(digits) ? parseInt(digits, 8) : sexagesimal(digits))),
    stringify: ({ value }) => String(value),
  },
  {
    tag: 'tag:yaml.org,2002:float', default: true,
    test: /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/,
    identify: (value) => typeof value === 'number',
    resolve: (text) => signed(text, (digits) => (/^\.inf/i.test(digits) ? Infinity : /^\.nan/i.test(digits) ? NaN : sexagesimal(digits))),
    // Without a point it would be a text.
    stringify: ({ value }) => (Object.is(value, -0) ? '-0.0' : Number.isNaN(value) ? '.nan' : Number.isFinite(value) ? String(value).replace(/^(-?\d+)e/, '$1.0e') : value === Infinity ? '.inf' : '-.inf'),
  },
  {
    tag: 'tag:yaml.org,2002:timestamp', default: true,
    test: /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/,
    resolve: (text, refuse) => {
      refuse('A date is no value of a parameter; put it in quotes');
      return text;
    },
  },
  // Plain ones mean something else: a default value, which PyYAML cannot read, and what a mapping takes over.
  { tag: 'tag:yaml.org,2002:value', default: true, test: /^(?:=|<<)$/, resolve: (text) => text },
];

function signed(text: string, value: (digits: string) => number): number {
  const digits = text.replaceAll('_', '').replace(/^[-+]/, '');
  return text.startsWith('-') ? -value(digits) : value(digits);
}

function sexagesimal(digits: string): number {
  return digits.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

const tags = (others: Tags, without: RegExp): Tags => [...SCALARS, ...others.filter((tag) => typeof tag === 'string' || !without.test(tag.tag))];

/** Makes the parser of `yaml` read as PyYAML does. */
export const PYYAML: ParseOptions & DocumentOptions & SchemaOptions = { version: '1.1', customTags: (others: Tags) => tags(others, /:(?:bool|int|float|timestamp)$/) };

/** All but the characters that PyYAML takes as they are: tabs begin no token, and it breaks lines where YAML 1.2 does not. */
const UNPRINTABLE = /[^\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** The YAML of a value, as PyYAML reads it. */
export function stringifyPyYaml(value: unknown): string {
  const document = new Document(value, { version: '1.1', customTags: (others: Tags) => tags(others, /:(?:bool|int|float|timestamp|merge)$/), aliasDuplicateObjects: false });
  document.directives!.yaml.explicit = false;
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string' && UNPRINTABLE.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0, blockQuote: false }).replace(new RegExp(UNPRINTABLE, 'gu'), (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
