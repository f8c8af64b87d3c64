/** Where greetings end up. */
export class Printer {
  print(line: string): void {
    console.log(line);
  }
}
