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
const LAST = 380
/** The same when columns must be merged to fit. */
const LEAST_LAST = 230
/** What is added to it where columns are scrolled to in any case. */
const WIDE_LAST = 120
export const RAILS = 6

/** How many lifelines fit beside each other. */
export function columnsFitting(width: number, rails: number, narrow: boolean): number {
  if (narrow) return 8
  return Math.max(3, Math.floor((width - firstColumn(rails) - 62 - LEAST_LAST) / CLOSEST) + 1)
}

export function geometry(width: number, columns: number, rails: number, narrow: boolean): Geometry {
  if (narrow) {
    const gap = columns < 2 ? 17 : Math.min(17, Math.max(9, Math.floor(112 / (columns - 1))))
    const labels = Math.min(152, 26 + gap * Math.max(2, columns - 1) + 14)
    return {narrow, first: 20, gap, width, took: 0, labels, lane: 0, firstLane: 0, row: 28}
  }
  const first = firstColumn(rails)
  const room = width - first - 62 - LAST
  const gap = Math.min(WIDEST, Math.max(CLOSEST, columns > 1 ? room / (columns - 1) : WIDEST))
  const needed = first + gap * (columns - 1) + 62 + LEAST_LAST
  return {narrow, first, gap, width: needed > width ? needed + WIDE_LAST : width, took: 62, labels: 0, lane: 13, firstLane: 72, row: 22}
}

export function columnX({first, gap}: Geometry, column: number): number {
  return Math.round(first + column * gap)
}

function firstColumn(rails: number): number {
  return Math.max(136, 100 + 13 * rails)
}
