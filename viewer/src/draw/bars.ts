import type {StripColumns} from '../logic/iterations.ts'

/** Path of bars side by side, as high as their share of the highest; nothing is drawn for zero but a foot. */
export function barsPath(values: readonly number[], width: number, height: number, gap: number, foot: number): string {
  const most = Math.max(1, ...values)
  const step = width / Math.max(1, values.length)
  let path = ''
  values.forEach((value, at) => {
    const tall = value === 0 ? foot : Math.max(1.5, (value / most) * height)
    if (tall === 0) return
    path += `M${round(at * step)} ${height}v${round(-tall)}h${round(step - gap)}v${round(tall)}z`
  })
  return path
}

/** Path of columns whose heights grow with the logarithm of the values. */
export function logPath(values: Uint32Array, most: number, bottom: number, tallest: number): string {
  const scale = tallest / Math.log2(most + 1)
  let path = ''
  values.forEach((value, at) => {
    if (value > 0) path += `M${at} ${bottom}v${round(-Math.max(2, Math.log2(value + 1) * scale))}h1v${round(Math.max(2, Math.log2(value + 1) * scale))}z`
  })
  return path
}

/** Height of the commonest iterations in a strip, and what rare ones stand above it: at least so much, at most. */
const USUAL = 6
const [LEAST, MOST] = [2.5, 9]

/** Paths of a strip of iterations, a unit a column: what differs stands above what is usual, and failures on top. */
export function stripPaths({length, other, failed}: StripColumns): {usual: string, other: string, failed: string} {
  const width = length > 80 ? 1 : 0.8
  const bar = (at: number, from: number, tall: number) => `M${at} ${round(16 - from)}v${round(-tall)}h${width}v${round(tall)}z`
  const tall = (part: number) => (part === 0 ? 0 : Math.max(LEAST, part * MOST))
  const paths = {usual: '', other: '', failed: ''}
  for (let at = 0; at < length; at++) {
    const [above, top] = [tall(other[at]!), tall(failed[at]!)]
    const rest = top === 0 ? above : Math.min(above, MOST - top)
    paths.usual += bar(at, 0, USUAL)
    if (rest > 0) paths.other += bar(at, USUAL, rest)
    if (top > 0) paths.failed += bar(at, USUAL + rest, top)
  }
  return paths
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
