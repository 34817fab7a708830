import {CLOSED, NONE, RAISED} from '../data/table.ts'
import {count, counted, duration, moment} from '../lib/format.ts'
import {framesBefore, pass, type Frames} from './frames.ts'
import {type Geometry} from './geometry.ts'
import {argumentTexts, callNotes, failureGoes, failureText, modulePrefix, resultText, SHORT_VALUE, textAt, valueText, type ArgumentText, type ValueText} from './label.ts'
import type {Lanes} from './lanes.ts'
import {functionOf, type Model} from './model.ts'
import type {OpenState} from './open.ts'
import {placing, type Placing} from './placing.ts'
import {ROW, stretchKey, type RowKind, type Rows} from './rows.ts'
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

export type ArrowKind = 'call' | 'return' | 'fail'

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
  readonly open: boolean
  readonly title: string
}

export interface MapLabel {
  readonly x: number
  readonly width: number
  readonly at: 'above' | 'below' | 'middle'
  readonly module: string
  readonly name: string
  readonly args: readonly ArgumentText[] | null
  readonly result: ValueText | null
  readonly failure: string
  readonly times: string
  readonly pill: Pill | null
  readonly note: string
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
}

/** Row height of each kind. */
export function mapHeights(narrow: boolean): Record<RowKind, number> {
  const row = narrow ? 28 : 22
  const gap = narrow ? 24 : 18
  return {
    [ROW.call]: row, [ROW.leaf]: row, [ROW.return]: row, [ROW.fail]: row, [ROW.suspended]: gap, [ROW.unfinished]: row,
    [ROW.absent]: row, [ROW.stretch]: row, [ROW.equal]: row,
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
    level: call === NONE ? 1 : model.tree.depth[call]! + (isName || stretch !== '' ? 1 : 2),
    expanded: canOpen ? isOpen : null,
    ...drawn,
    label: {...label, x: drawn.label.x, width: drawn.label.width, at: drawn.label.at},
    spoken: spokenRow(context, kind, call, label, tookNs),
  }
}

type Words = Omit<MapLabel, 'x' | 'width' | 'at'>

const EMPTY: Words = {module: '', name: '', args: null, result: null, failure: '', times: '', pill: null, note: '', hatched: false}

function labelOf(context: MapContext, kind: RowKind, call: number, extra: number, isOpen: boolean): Words {
  const {model} = context
  switch (kind) {
    case ROW.call:
    case ROW.leaf:
      return callWords(model, call, kind === ROW.leaf, isOpen)
    case ROW.equal: {
      const {own} = stretchFacts(model, model.tree.position[call]!, extra)
      return {...callWords(model, call, true, false), times: `${count(own)}×`, pill: {text: '', failures: '', open: isOpen, title: `${count(own)} equal calls`}}
    }
    case ROW.stretch: {
      const facts = stretchFacts(model, model.tree.position[call]!, extra)
      const inside = facts.all - facts.own
      return {
        ...EMPTY, note: facts.made,
        pill: {
          text: counted(facts.all, 'call'), failures: facts.failed > 0 ? `× ${count(facts.failed)}` : '', open: isOpen,
          title: inside === 0 ? `${counted(facts.own, 'call')} in a row` : `${counted(facts.own, 'call')} in a row, with ${count(inside)} inside`,
        },
      }
    }
    case ROW.return:
      if (model.calls.outcome[call] === CLOSED) return {...EMPTY, note: 'closed before its end'}
      return {...EMPTY, result: resultText(model, call, SHORT_VALUE) ?? valueText('')}
    case ROW.fail:
      return {...EMPTY, failure: failureText(model, call), note: failureGoes(model, call, extra)}
    case ROW.suspended:
      return {...EMPTY, note: `suspended ${duration(model.calls.suspended[call]!)}`}
    case ROW.unfinished:
      return {...EMPTY, note: 'did not return before the recording ended', hatched: true}
    case ROW.absent:
      return {...EMPTY, note: `${counted(extra, 'call')} not in this file`, hatched: true}
  }
}

function callWords(model: Model, call: number, isWhole: boolean, isOpen: boolean): Words {
  const {tree, calls} = model
  const row = functionOf(model, call)
  const below = tree.below[call]!
  const failed = tree.failedBelow[call]!
  const closed = isWhole && calls.outcome[call] === CLOSED
  const notes = callNotes(model, call, isWhole || !isOpen)
  return {
    ...EMPTY,
    module: modulePrefix(row),
    name: row.name,
    args: row.kind === 'module' || row.kind === 'class' ? null : argumentTexts(model, call, SHORT_VALUE),
    result: isWhole && row.kind !== 'module' && row.kind !== 'class' ? resultText(model, call, SHORT_VALUE) : null,
    note: closed ? [notes, 'closed before its end'].filter(Boolean).join(', ') : notes,
    pill: isOpen || below === 0 ? null : {
      text: counted(below, 'call'), failures: failed > 0 ? `× ${count(failed)}` : '', open: false,
      title: failed > 0 ? `${counted(below, 'call')} inside, ${count(failed)} failed` : `${counted(below, 'call')} inside`,
    },
  }
}

function timeOf({calls, unit}: Model, kind: RowKind, call: number, isFirst: boolean): string {
  if (kind === ROW.suspended || kind === ROW.absent || kind === ROW.unfinished) return ''
  const isEnd = kind === ROW.return || kind === ROW.fail
  const text = moment(isEnd ? calls.end[call]! : calls.start[call]!, unit)
  return isFirst ? `${text} ${unit}` : text
}

function tookOf(model: Model, kind: RowKind, call: number, extra: number): number {
  if (kind === ROW.call || kind === ROW.leaf) return elapsed(model.calls, call, model.page.run.duration_ns)
  if (kind === ROW.stretch || kind === ROW.equal) return stretchFacts(model, model.tree.position[call]!, extra).totalNs
  return -1
}

function spokenRow({model}: MapContext, kind: RowKind, call: number, words: Words, tookNs: number): string {
  const took = tookNs < 0 ? '' : `, ${duration(tookNs)}`
  if (kind === ROW.stretch) return `${words.pill?.title ?? ''}: ${words.note}${took}`
  if (kind === ROW.absent) return words.note
  const {name} = functionOf(model, call)
  if (kind === ROW.suspended || kind === ROW.unfinished) return `${name} ${words.note}`
  if (kind === ROW.fail) return `${name} failed: ${words.failure}, ${words.note}`
  if (kind === ROW.return) return `${name} returned ${words.result?.text ?? words.note}`
  const above = model.tree.parent[call]!
  const by = above === NONE ? '' : `, called by ${functionOf(model, above).name}`
  const args = (words.args ?? []).map(({name: key, value}) => `, ${key} ${value.text}`).join('')
  const result = words.result === null ? '' : `, returned ${words.result.text}`
  const failed = model.calls.outcome[call] === RAISED ? `, failed with ${textAt(model, model.calls.exception[call]!)}` : ''
  const note = words.note === '' ? '' : `, ${words.note}`
  const pill = words.pill === null || words.pill.text === '' ? '' : `, ${words.pill.title}`
  return `${words.times === '' ? '' : `${words.times} `}${name}${by}${args}${result}${failed}${took}${note}${pill}`
}
