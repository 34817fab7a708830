/** Measures of the map, in CSS pixels. */
export interface Geometry {
  readonly narrow: boolean
  /** Centre of the first lifeline. */
  readonly first: number
  /** Between two lifelines. */
  readonly gap: number
  readonly width: number
  /** Width of the column of durations. */
  readonly took: number
  /** Left edge of labels when they stand in one column, else 0. */
  readonly labels: number
  /** Between the rails of two lanes. */
  readonly lane: number
  readonly firstLane: number
  readonly row: number
}

export const NARROW = 760
const CLOSEST = 98
const WIDEST = 164
/** Space right of the last lifeline for what is called there. */
const LAST = 236
export const RAILS = 6

export function railsFor(lanes: number): number {
  return lanes > RAILS ? 2 : Math.max(1, lanes)
}

/** How many lifelines fit beside each other. */
export function columnsFitting(width: number, lanes: number, narrow: boolean): number {
  if (narrow) return 8
  return Math.max(3, Math.floor((width - firstColumn(lanes) - 62 - LAST) / CLOSEST) + 1)
}

export function geometry(width: number, columns: number, lanes: number, narrow: boolean): Geometry {
  if (narrow) {
    const gap = columns < 2 ? 17 : Math.min(17, Math.max(9, Math.floor(112 / (columns - 1))))
    const labels = Math.min(152, 26 + gap * Math.max(2, columns - 1) + 14)
    return {narrow, first: 20, gap, width, took: 0, labels, lane: 0, firstLane: 0, row: 28}
  }
  const first = firstColumn(lanes)
  const room = width - first - 62 - LAST
  const gap = Math.min(WIDEST, Math.max(CLOSEST, columns > 1 ? room / (columns - 1) : WIDEST))
  const needed = first + gap * (columns - 1) + 62 + LAST
  return {narrow, first, gap, width: Math.max(width, needed), took: 62, labels: 0, lane: 13, firstLane: 72, row: 22}
}

export function columnX({first, gap}: Geometry, column: number): number {
  return Math.round(first + column * gap)
}

function firstColumn(lanes: number): number {
  return 100 + 13 * railsFor(lanes)
}
