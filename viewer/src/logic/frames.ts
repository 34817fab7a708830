import type {Frame} from './mapline.ts'

/** Calls that are open: how many in each column, and the lanes of those whose bars can be told apart. */
export interface Frames {
  readonly count: Uint32Array
  /** Lanes of the outermost calls of each column. */
  readonly lanes: number[][]
  /** Lanes that have an open call. */
  readonly open: ReadonlySet<number>
}

/** The calls around and with the innermost one. What is `known` of the call around it need not be gone through again. */
export function framesOf(innermost: Frame | null, columnOf: Uint16Array, columns: number, levels: number, known: Map<Frame | null, Frames>): Frames {
  const found = known.get(innermost) ?? (innermost !== null && known.has(innermost.above) ? entered(known.get(innermost.above)!, innermost, columnOf, levels) : counted(innermost, columnOf, columns, levels))
  known.set(innermost, found)
  return found
}

function entered({count, lanes, open}: Frames, {fn, lane}: Frame, columnOf: Uint16Array, levels: number): Frames {
  const column = columnOf[fn]!
  const grown = count.slice()
  grown[column]!++
  return {count: grown, lanes: lanes.map((list, at) => (at === column && list.length < levels ? [...list, lane] : list)), open: new Set(open).add(lane)}
}

function counted(innermost: Frame | null, columnOf: Uint16Array, columns: number, levels: number): Frames {
  const count = new Uint32Array(columns)
  const lanes = Array.from({length: columns}, () => [] as number[])
  const open = new Set<number>()
  for (let frame = innermost; frame !== null; frame = frame.above) {
    const column = columnOf[frame.fn]!
    count[column]!++
    lanes[column]!.push(frame.lane)
    open.add(frame.lane)
  }
  return {count, lanes: lanes.map((list) => list.reverse().slice(0, levels)), open}
}
