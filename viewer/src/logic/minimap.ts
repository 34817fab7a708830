import {NONE} from '../data/table.ts'
import type {Model} from './model.ts'
import {ROW, type Rows} from './rows.ts'

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
export function minimapMarks(model: Model, rows: Rows, columnOf: Uint16Array, columns: number, width: number, height: number): Mark[] {
  const {calls, tree} = model
  const total = Math.max(1, rows.top[rows.length]!)
  const x = (column: number) => 2 + (columns < 2 ? 0 : (column / (columns - 1)) * (width - 6))
  const bars: Mark[] = []
  const marks: Mark[] = []
  const step = Math.max(1, Math.ceil(rows.length / LINES))
  const line = Math.max(1, Math.min(8, height / rows.length))
  for (let row = 0; row < rows.length; row++) {
    const kind = rows.kind[row]!
    const isFailure = kind === ROW.fail
    if (row % step !== 0 && !isFailure) continue
    const call = rows.call[row]!
    if (call === NONE) continue
    const y = (rows.top[row]! / total) * height
    const own = x(columnOf[calls.function[call]!]!)
    const outer = isFailure ? rows.extra[row]! : call
    const above = tree.parent[outer]!
    const other = above === NONE ? own : x(columnOf[calls.function[above]!]!)
    bars.push({kind: 'bar', x: own, y, width: 2, height: line})
    if (other !== own) bars.push({kind: 'bar', x: other, y, width: 2, height: line})
    if (kind === ROW.suspended || kind === ROW.absent || kind === ROW.stretch || kind === ROW.parallel) continue
    marks.push({
      kind: isFailure ? 'fail' : kind === ROW.return ? 'return' : 'call',
      x: Math.min(own, other) + 1, y: y + line / 2,
      width: Math.max(isFailure ? 5 : 3, Math.abs(own - other)), height: isFailure ? 1.6 : 0.8,
    })
  }
  return [...bars, ...marks.filter(({kind}) => kind !== 'fail'), ...marks.filter(({kind}) => kind === 'fail')]
}
