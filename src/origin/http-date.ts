const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = MONTHS.join('|');
const TIME = '(\\d{2}):(\\d{2}):(\\d{2})';

// The three forms a recipient must accept (RFC 9110 section 5.6.7).
const IMF = new RegExp(`^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), (\\d{2}) (${MONTH}) (\\d{4}) ${TIME} GMT$`);
const RFC850 = new RegExp(`^(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day, (\\d{2})-(${MONTH})-(\\d{2}) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) (${MONTH}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/**
 * Reads an HTTP date in any of the three forms of RFC 9110 section 5.6.7.
 * @param nowMs decides the century of two-digit years, which are never more than 50 years ahead.
 * @returns milliseconds since 1970, or null for other text, impossible dates and dates before 1970.
 */
export function parseHttpDate(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const imf = IMF.exec(text);
  if (imf !== null) return toMs(Number(imf[3]), imf[2], imf[1], imf.slice(4));
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) return toMs(Number(asctime[6]), asctime[1], asctime[2], asctime.slice(3, 6));
  const rfc850 = RFC850.exec(text);
  if (rfc850 !== null) return toMs(fullYear(Number(rfc850[3]), nowMs), rfc850[2], rfc850[1], rfc850.slice(4));
  return null;
}

/** Prints milliseconds since 1970 in the preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`; parts of a second are cut. */
export function printHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

function toMs(year: number, month: string | undefined, dayText: string | undefined, time: string[]): number | null {
  const day = Number(dayText);
  const [hour, minute, second] = time.map(Number) as [number, number, number];
  // 60 is a leap second; the Date constructor rolls it over, and rolls over a 31 February too, which the last check finds.
  if (hour > 23 || minute > 59 || second > 60) return null;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, MONTHS.indexOf(month ?? ''), day);
  if (midnight.getUTCDate() !== day) return null;
  const ms = midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
  return ms >= 0 ? ms : null;
}

function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + twoDigits;
  return year > thisYear + 50 ? year - 100 : year;
}
