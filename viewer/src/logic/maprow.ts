import {NONE} from '../data/table.ts'
import {duration, moment} from '../lib/format.ts'
import {framePieces} from './block.ts'
import {framesBefore, pass, type Frames} from './frames.ts'
import type {Geometry} from './geometry.ts'
import type {ArgumentText, ValueText} from './label.ts'
import type {Lanes} from './lanes.ts'
import {fittingModule, fittingNote, isTight, labelOf, spokenRow} from './mapwords.ts'
import type {Model} from './model.ts'
import type {OpenState} from './open.ts'
import {placing, type Placing} from './placing.ts'
import {ROW, stretchKey, type RowKind, type Rows} from './rows.ts'
import type {Hits} from './search.ts'
import {stretchFacts} from './stretch.ts'
import {elapsed} from './times.ts'

export type Tone = '' | 'bad' | 'waits' | 'cut'

/** A piece of an activation bar. */
export interface BarPiece {
  readonly x: number
  readonly part: 'through' | 'start' | 'end' | 'leaf'
  readonly tone: Tone
}

export interface RailPiece {
  readonly x: number
  readonly waits: boolean
  readonly part: 'full' | 'begin' | 'end'
}

export interface Branch {
  readonly from: number
  readonly to: number
  readonly part: 'fork' | 'join' | 'tick'
}

/** `start`: the lane of the callee was started there. */
export type ArrowKind = 'call' | 'start' | 'return' | 'fail'

/** A row's piece of a block's frame. */
export interface FramePiece {
  readonly x: number
  /** From the right edge. */
  readonly right: number
  readonly part: 'head' | 'inside' | 'end'
}

/** A message. `self` hooks back to the bar it came from; `rail` comes from or goes to a lane. */
export interface Arrow {
  readonly kind: ArrowKind
  readonly shape: 'line' | 'self' | 'rail'
  readonly x: number
  readonly width: number
  readonly leftwards: boolean
}

export interface Pill {
  readonly text: string
  readonly failures: string
  /** `99 hits` of the search inside. */
  readonly hits: string
  readonly open: boolean
  readonly title: string
}

export interface MapLabel {
  readonly x: number
  readonly width: number
  readonly at: 'above' | 'below' | 'middle'
  readonly module: string
  /** Functions around a local one, for its title. */
  readonly outer: string
  readonly name: string
  readonly args: readonly ArgumentText[] | null
  readonly result: ValueText | null
  readonly failure: string
  /** No room for values. */
  readonly isTight: boolean
  /** Title of a block. */
  readonly head: string
  readonly times: string
  readonly pill: Pill | null
  readonly note: string
  /** Whether the note names the lane that begins. */
  readonly isLane: boolean
  readonly hatched: boolean
}

/** Everything one row of the map draws. */
export interface MapRowView {
  readonly row: number
  readonly key: string
  readonly kind: RowKind
  readonly call: number
  readonly stretch: string
  readonly top: number
  readonly height: number
  readonly time: string
  readonly took: string
  readonly isLong: boolean
  readonly chosen: boolean
  readonly level: number
  readonly expanded: boolean | null
  readonly rails: readonly RailPiece[]
  readonly dot: number
  readonly branch: Branch | null
  /** Frames of the blocks around the row, outermost first. */
  readonly frames: readonly FramePiece[]
  readonly bars: readonly BarPiece[]
  readonly arrow: Arrow | null
  readonly label: MapLabel
  readonly spoken: string
}

export interface MapContext {
  readonly model: Model
  readonly rows: Rows
  readonly open: OpenState
  readonly columnOf: Uint16Array
  readonly columns: number
  readonly geometry: Geometry
  readonly lanes: Lanes
  readonly chosen: number
  readonly cursor: string
  readonly hits: Hits
}

/** Row height of each kind. */
export function mapHeights(narrow: boolean): Record<RowKind, number> {
  const row = narrow ? 28 : 22
  const gap = narrow ? 24 : 18
  return {
    [ROW.call]: row, [ROW.leaf]: row, [ROW.return]: row, [ROW.fail]: row, [ROW.suspended]: gap, [ROW.unfinished]: row,
    [ROW.absent]: row, [ROW.stretch]: row, [ROW.equal]: row, [ROW.parallel]: narrow ? 34 : 30,
  }
}

/** The rows from `from` up to `to`. */
export function describeMapRows(context: MapContext, from: number, to: number): MapRowView[] {
  const {model, rows, columnOf, columns, geometry} = context
  if (from >= to || rows.length === 0) return []
  const place = placing(geometry)
  const frames = framesBefore(model, rows, from, columnOf, columns, place.levels)
  const views: MapRowView[] = []
  for (let row = from; row < to; row++) {
    views.push(describe(context, row, frames, place))
    pass(model, rows, row, columnOf, place.levels, frames)
  }
  return views
}

function describe(context: MapContext, row: number, frames: Frames, place: Placing): MapRowView {
  const {model, rows, open, chosen, cursor} = context
  const kind = rows.kind[row]! as RowKind
  const call = rows.call[row]!
  const extra = rows.extra[row]!
  const stretch = kind === ROW.stretch || kind === ROW.equal ? stretchKey(model.tree.position[call]!, extra) : ''
  const drawn = place.row(context, kind, call, extra, frames)
  const isFirst = row === 0
  const isName = kind === ROW.call || kind === ROW.leaf
  const isOpen = stretch === '' ? isName && open.calls[call] === 1 : open.stretches.has(stretch)
  const canOpen = stretch !== '' || (isName && model.tree.below[call]! > 0)
  const label = labelOf(context, kind, call, extra, isOpen)
  const {narrow} = context.geometry
  const module = fittingModule(label, drawn.label.width, narrow)
  const tookNs = tookOf(model, kind, call, extra)
  return {
    row, kind, call, stretch,
    key: stretch === '' ? `${kind}.${call}` : stretch,
    top: rows.top[row]!,
    height: rows.top[row + 1]! - rows.top[row]!,
    time: timeOf(model, kind, call, isFirst),
    took: tookNs < 0 ? '' : duration(tookNs),
    isLong: tookNs >= model.page.run.duration_ns * 0.1,
    chosen: stretch === '' ? call === chosen && isName && cursor === '' : stretch === cursor,
    level: call === NONE ? 1 : model.tree.depth[call]! + rows.nest[row]! + (isName || stretch !== '' ? 1 : 2),
    expanded: canOpen ? isOpen : null,
    ...drawn,
    frames: framePieces(context, row),
    label: {...label, module, note: fittingNote(label, drawn.label.width), isTight: isTight({...label, module}, drawn.label.width, narrow), ...drawn.label},
    spoken: spokenRow(context, kind, call, label, tookNs),
  }
}

function timeOf({calls, unit}: Model, kind: RowKind, call: number, isFirst: boolean): string {
  if (kind === ROW.suspended || kind === ROW.absent || kind === ROW.unfinished || kind === ROW.parallel) return ''
  const isEnd = kind === ROW.return || kind === ROW.fail
  const text = moment(isEnd ? calls.end[call]! : calls.start[call]!, unit)
  return isFirst ? `${text} ${unit}` : text
}

function tookOf(model: Model, kind: RowKind, call: number, extra: number): number {
  if (kind === ROW.call || kind === ROW.leaf) return elapsed(model.calls, call, model.page.run.duration_ns)
  if (kind === ROW.stretch || kind === ROW.equal) return stretchFacts(model, model.tree.position[call]!, extra).totalNs
  return -1
}
