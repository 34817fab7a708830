import {duration, moment} from '../lib/format.ts'
import {framePieces} from './block.ts'
import type {Frames} from './frames.ts'
import type {Geometry} from './geometry.ts'
import type {ArgumentText, ValueText} from './label.ts'
import type {Lanes} from './lanes.ts'
import {LINE, type Frame, type Line, type LineKind, type MapLines, type Picking} from './mapline.ts'
import {fittingModule, fittingNote, isTight, labelOf, spokenRow, tellsItself} from './mapwords.ts'
import type {Model} from './model.ts'
import {placed} from './placing.ts'
import type {Hits} from './search.ts'
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
  readonly part: 'head' | 'inside' | 'end' | 'only'
  /** `bare`: it has sections only; `double`: lanes side by side; `run`: those of the whole run. */
  readonly look: '' | 'bare' | 'double' | 'run'
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
  readonly kind: LineKind
  readonly call: number
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
  /** At the head of a block: which iteration is shown. */
  readonly controls: Controls | null
  /** How much of what is around a section goes its way, from 0 to 1; -1: not a share. */
  readonly share: number
  readonly spoken: string
}

/** Where an iteration is chosen. */
export interface Controls {
  readonly picking: Picking
  readonly isLoop: boolean
  /** From the right edge. */
  readonly right: number
  /** Width of the strip of iterations; 0: no room for it. */
  readonly strip: number
}

export interface MapContext {
  readonly model: Model
  readonly rows: MapLines
  readonly columnOf: Uint16Array
  readonly columns: number
  readonly geometry: Geometry
  readonly lanes: Lanes
  readonly chosen: number
  readonly cursor: string
  readonly hits: Hits
  /** Calls open in rows that were described. */
  readonly known: Map<Frame | null, Frames>
}

/** Row height of each kind. */
export function mapHeights(narrow: boolean): Record<LineKind, number> {
  const row = narrow ? 28 : 22
  const gap = narrow ? 24 : 18
  return {
    [LINE.call]: row, [LINE.leaf]: row, [LINE.return]: row, [LINE.fail]: row, [LINE.suspended]: gap, [LINE.unfinished]: row,
    [LINE.more]: row, [LINE.block]: narrow ? 36 : 30, [LINE.section]: row, [LINE.note]: gap,
  }
}

/** The rows from `from` up to `to`. */
export function describeMapRows(around: Omit<MapContext, 'known'>, from: number, to: number): MapRowView[] {
  const views: MapRowView[] = []
  const context = {...around, known: new Map()}
  for (let row = from; row < Math.min(to, context.rows.length); row++) views.push(describe(context, row))
  return views
}

function describe(context: MapContext, row: number): MapRowView {
  const {model, rows, chosen, cursor} = context
  const line = rows.lines[row]!
  const {narrow} = context.geometry
  const drawn = placed(context, line)
  const words = labelOf(context, line)
  const frames = framePieces(context, row)
  const controls = line.kind === LINE.block ? controlsOf(context, line, drawn.label.x, frames[frames.length - 1]?.right ?? 0) : null
  const box = controls === null ? drawn.label : {...drawn.label, width: Math.max(60, context.geometry.width - controls.right - controlsWidth(controls, narrow) - drawn.label.x)}
  const module = fittingModule(words, box.width, narrow)
  const label = {...words, module}
  const isName = line.kind === LINE.call || line.kind === LINE.leaf
  const tookNs = isName ? tookOf(model, line) : -1
  const isHead = line.kind === LINE.section && line.block !== null && line.block.kind !== 'parallel'
  return {
    row, kind: line.kind, call: line.call, key: line.key,
    top: rows.top[row]!,
    height: rows.top[row + 1]! - rows.top[row]!,
    time: timeOf(model, line, row === 0),
    took: tookNs < 0 ? '' : duration(tookNs),
    isLong: tookNs >= model.page.run.duration_ns * 0.1,
    chosen: cursor === '' ? isName && line.times === 1 && line.call === chosen : line.key === cursor,
    level: line.level,
    expanded: line.open,
    ...drawn,
    frames, controls,
    share: isHead && line.around > 0 ? Math.min(1, line.times / line.around) : -1,
    label: {...label, note: fittingNote(words, box.width), isTight: isTight(label, box.width, narrow), ...box},
    spoken: spokenRow(context, line, words, tookNs),
  }
}

const STRIP = 240
const LEAST_STRIP = 80
/** Width of the words at the head of a block that a strip leaves. */
const LEAST_HEAD = 190
const BUTTONS = 176

function controlsOf({geometry}: MapContext, {block}: Line, x: number, right: number): Controls | null {
  if (block === null || block.picking === null) return null
  const isLoop = block.kind === 'loop'
  const edge = right + (geometry.narrow ? 6 : 10)
  const room = geometry.width - x - edge - BUTTONS - LEAST_HEAD
  const hasStrip = isLoop && block.picking.repeat >= 0 && block.picking.total > 1 && !geometry.narrow && room >= LEAST_STRIP
  return {picking: block.picking, isLoop, right: edge, strip: hasStrip ? Math.min(STRIP, room) : 0}
}

function controlsWidth({strip, isLoop}: Controls, narrow: boolean): number {
  return isLoop ? (narrow ? 124 : BUTTONS) + (strip === 0 ? 0 : strip + 12) : 96
}

function timeOf(model: Model, line: Line, isFirst: boolean): string {
  const {calls, unit} = model
  if (line.call < 0 || line.call >= calls.length) return ''
  const isEnd = line.kind === LINE.return || line.kind === LINE.fail
  if (!isEnd && line.kind !== LINE.call && line.kind !== LINE.leaf) return ''
  if (isEnd && !tellsItself(model, line)) return ''
  const text = moment(isEnd ? calls.end[line.call]! : calls.start[line.call]!, unit)
  return isFirst ? `${text} ${unit}` : text
}

/** How long the calls of a row took, or -1. */
function tookOf(model: Model, line: Line): number {
  if (tellsItself(model, line)) return elapsed(model.calls, line.call, model.page.run.duration_ns)
  const row = model.page.functions[line.fn]!
  return line.times === row.calls ? row.total_ns : -1
}
