import {rowAt, type Tops} from './rows.ts'

/** Browsers refuse taller boxes; beyond it the scroll bar stands for the rows in proportion. */
export const TALLEST = 8_000_000
export const OVERSCAN = 20

/** Scroll position of a list that may be taller than any box. */
export interface Scroll {
  /** Of the box. */
  readonly box: number
  /** Of the rows. */
  readonly rows: number
}

/** Follows the box: small steps one to one, jumps in proportion, both ends exactly. */
export function scrolled(before: Scroll, box: number, height: number, view: number): Scroll {
  const total = Math.max(0, height - view)
  if (height <= TALLEST) return {box, rows: box}
  const range = TALLEST - view
  if (box <= 0) return {box: 0, rows: 0}
  if (box >= range - 1) return {box, rows: total}
  const step = box - before.box
  const rows = Math.abs(step) < view * 4 ? before.rows + step : (box / range) * total
  return {box, rows: Math.min(total, Math.max(0, rows))}
}

/** Box position that brings the rows to `top`. */
export function boxFor(top: number, height: number, view: number): number {
  if (height <= TALLEST) return top
  return Math.round((top / Math.max(1, height - view)) * (TALLEST - view))
}

/** Rows to keep for a window on them. */
export function visibleRange(rows: Tops, top: number, view: number): readonly [from: number, to: number] {
  if (rows.length === 0) return [0, 0]
  const from = Math.max(0, rowAt(rows, top) - OVERSCAN)
  const to = Math.min(rows.length, rowAt(rows, top + view) + 1 + OVERSCAN)
  return [from, to]
}

/** Where the kept rows begin inside the box, in whole pixels. */
export function layerTop(scroll: Scroll, rows: Tops, from: number): number {
  return Math.round(scroll.box + (rows.top[from]! - scroll.rows))
}
