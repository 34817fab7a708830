import {LINE, type MapLines} from './mapline.ts'

export interface Mark {
  readonly kind: 'bar' | 'call' | 'return' | 'fail'
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Lines the picture has at most; more rows are sampled, failures are always kept. */
const LINES = 1200

/** The shape of the rows: arrows between the columns, and failures. */
export function minimapMarks(rows: MapLines, columnOf: Uint16Array, columns: number, width: number, height: number): Mark[] {
  const total = Math.max(1, rows.top[rows.length]!)
  const x = (fn: number) => 2 + (columns < 2 ? 0 : (columnOf[fn]! / (columns - 1)) * (width - 6))
  const bars: Mark[] = []
  const marks: Mark[] = []
  const step = Math.max(1, Math.ceil(rows.length / LINES))
  const line = Math.max(1, Math.min(8, height / rows.length))
  rows.lines.forEach(({kind, fn, frame, own: ended, last}, row) => {
    const isFailure = kind === LINE.fail
    if (row % step !== 0 && !isFailure) return
    const y = (rows.top[row]! / total) * height
    const above = ended !== null && kind !== LINE.call ? (last ?? ended).above : frame
    if (above !== null) bars.push({kind: 'bar', x: x(above.fn), y, width: 2, height: line})
    if (fn < 0) return
    const own = x(fn)
    const other = above === null ? own : x(above.fn)
    if (other !== own) bars.push({kind: 'bar', x: own, y, width: 2, height: line})
    if (kind === LINE.suspended || kind === LINE.unfinished) return
    marks.push({
      kind: isFailure ? 'fail' : kind === LINE.return ? 'return' : 'call',
      x: Math.min(own, other) + 1, y: y + line / 2,
      width: Math.max(isFailure ? 5 : 3, Math.abs(own - other)), height: isFailure ? 1.6 : 0.8,
    })
  })
  return [...bars, ...marks.filter(({kind}) => kind !== 'fail'), ...marks.filter(({kind}) => kind === 'fail')]
}
