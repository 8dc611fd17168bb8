/** Text of others inside Markdown of ours: as it is written, on one line, and never as markup, link or heading. */

/** Renders as the text itself, with runs of white space as one space. */
export function escapeMarkdown(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*_~[\]<>|#@]/g, '\\$&')
    .replaceAll('://', '\\://')
    .replaceAll(/www\./gi, (address) => address.replace('.', '\\.'));
}

/** The text as a span of code, in which no escape counts: its own backticks become apostrophes. */
export function codeSpan(text: string): string {
  return `\`${text.replaceAll(/\s+/g, ' ').replaceAll('`', "'")}\``;
}

/** Cells are Markdown already. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
