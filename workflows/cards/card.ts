/** What all status cards share: how sections become one Markdown text that the Web UI shows whole. */

/** The Web UI makes the frame of a card shorter than its text by about this much; a last line would be cut. */
const ROOM_BELOW = '&nbsp;';

/** Sections apart by blank lines; empty ones are left out. */
export function cardOf(sections: readonly string[]): string {
  return [...sections.filter((section) => section !== ''), ROOM_BELOW].join('\n\n');
}
