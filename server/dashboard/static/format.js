/** What stands where nothing was measured. */
export const NOTHING = "–";

/**
 * As many decimals as the magnitude is worth.
 * @param {number | null | undefined} value
 * @param {number} [decimals]
 */
export function number(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const digits = decimals ?? decimalsFor([value]);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * For a column: one number of decimals, so that points stand below points.
 * @param {readonly (number | null | undefined)[]} values
 */
export function decimalsFor(values) {
  const known = values.filter((value) => typeof value === "number" && Number.isFinite(value));
  if (known.every((value) => Number.isInteger(value))) return 0;
  const most = Math.max(...known.map(Math.abs));
  if (most >= 1000) return 0;
  return most >= 10 ? 1 : 2;
}

/** @param {number | null | undefined} value */
export function ms(value) {
  return value === null || value === undefined ? NOTHING : `${number(value)} ms`;
}

/** @param {number | null | undefined} value */
export function tokensPerSecond(value) {
  return value === null || value === undefined ? NOTHING : `${number(value)} tok/s`;
}

/** @param {number | null | undefined} value */
export function percent(value) {
  return value === null || value === undefined ? NOTHING : `${number(value, value % 1 === 0 ? 0 : 1)} %`;
}

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}

/**
 * In the reader's own time zone, in an order that sorts.
 * @param {string | null | undefined} iso
 */
export function moment(iso) {
  const date = new Date(iso ?? Number.NaN);
  if (Number.isNaN(date.getTime())) return NOTHING;
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** @param {number | null | undefined} bytes */
export function bytes(bytes) {
  if (bytes === null || bytes === undefined) return NOTHING;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${number(bytes / 1024 ** power)} ${units[power]}`;
}
