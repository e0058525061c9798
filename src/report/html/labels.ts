import { PLOT, px } from "./chart.ts";

export interface LabelledDot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Of the page's 11 px semi-bold figures; a little too wide is better than a collision. */
const CHAR_WIDTH = 6.6;
const LINE_HEIGHT = 12;
/** Half of a mark's size, and the air around it. */
const MARK = 5;

/** Where a label may stand beside its dot, the best place first. */
const PLACES = [
  { dx: 8, dy: -6, anchor: "start" },
  { dx: -8, dy: -6, anchor: "end" },
  { dx: 8, dy: 12, anchor: "start" },
  { dx: -8, dy: 12, anchor: "end" },
  { dx: 0, dy: -11, anchor: "middle" },
  { dx: 0, dy: 18, anchor: "middle" },
  { dx: 12, dy: 4, anchor: "start" },
  { dx: -12, dy: 4, anchor: "end" },
] as const;

/**
 * Labels that lie on no mark and on no other label. The ends of the row come first, then what lies between,
 * ever finer; one that finds no room is left out, since its dot still tells its name to the pointer.
 */
export function placedLabels(dots: readonly LabelledDot[]): string {
  const marks = dots.map(({ x, y }) => ({
    left: x - MARK,
    right: x + MARK,
    top: y - MARK,
    bottom: y + MARK,
  }));
  const taken: Box[] = [];
  return coarseToFine(dots.length)
    .map((i) => {
      const dot = dots[i]!;
      for (const place of PLACES) {
        const box = boxOf(dot, place);
        const others = [...taken, ...marks];
        if (!within(box) || others.some((other) => overlap(box, other))) continue;
        taken.push(box);
        return `<text class="strong" x="${px(dot.x + place.dx)}" y="${px(dot.y + place.dy)}" text-anchor="${place.anchor}">${dot.text}</text>`;
      }
      return "";
    })
    .join("");
}

/** 0 … n−1 with both ends first, then the middles of what is left. */
function coarseToFine(count: number): readonly number[] {
  const order = new Set<number>();
  for (let step = Math.max(1, count - 1); ; step = Math.floor(step / 2)) {
    for (let i = 0; i < count; i += step) order.add(i);
    order.add(count - 1);
    if (step <= 1) break;
  }
  return [...order].filter((i) => i >= 0);
}

function boxOf({ x, y, text }: LabelledDot, { dx, dy, anchor }: (typeof PLACES)[number]): Box {
  const width = text.length * CHAR_WIDTH;
  const at = x + dx;
  const left = anchor === "start" ? at : anchor === "end" ? at - width : at - width / 2;
  return { left, right: left + width, top: y + dy - LINE_HEIGHT + 3, bottom: y + dy + 2 };
}

/** A label may reach into the margin to the right, which nothing else uses. */
function within({ left, right, top, bottom }: Box): boolean {
  return left > PLOT.left && right < PLOT.right + 30 && top > PLOT.top - 10 && bottom < PLOT.bottom;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
