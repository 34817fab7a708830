import {CLOSED, NONE, UNFINISHED} from '../data/table.ts'
import {count, counted, duration, moment} from '../lib/format.ts'
import {localName, outerNames} from '../lib/text.ts'
import {argumentTexts, callNotes, exitText, failureGoes, failureText, modulePrefix, resultText, type ArgumentText, type ValueText} from './label.ts'
import {functionOf, passesOn, type Model} from './model.ts'
import type {OpenState} from './open.ts'
import {ROW, stretchKey, type RowKind, type Rows} from './rows.ts'
import {hitsIn, type Hits} from './search.ts'
import {stretchFacts} from './stretch.ts'
import {elapsed} from './times.ts'

/** Longest value in the tree. */
const VALUE = 80
const ROW_HEIGHT = 23

export interface TreeRowView {
  readonly row: number
  readonly key: string
  readonly kind: RowKind
  readonly call: number
  readonly stretch: string
  readonly top: number
  readonly level: number
  /** Guides drawn before the name; deep levels are counted instead. */
  readonly guides: number
  readonly depthNote: string
  readonly expanded: boolean | null
  readonly chosen: boolean
  readonly module: string
  readonly name: string
  readonly args: readonly ArgumentText[] | null
  readonly result: ValueText | null
  readonly failure: string
  readonly note: string
  readonly hatched: boolean
  readonly times: string
  /** `99 hits` of the search inside, while folded. */
  readonly hits: string
  readonly calls: string
  readonly total: string
  /** Percent of the run. */
  readonly totalShare: number
  readonly selfShare: number
  readonly self: string
  readonly at: string
  readonly spoken: string
}

const GUIDES = 24

export function treeHeights(narrow: boolean): Record<RowKind, number> {
  const row = narrow ? 36 : ROW_HEIGHT
  return {[ROW.call]: row, [ROW.absent]: row, [ROW.stretch]: row, [ROW.equal]: row}
}

export interface TreeContext {
  readonly model: Model
  readonly rows: Rows
  readonly open: OpenState
  readonly chosen: number
  readonly cursor: string
  readonly found: Hits
}

export function describeTreeRows(context: TreeContext, from: number, to: number): TreeRowView[] {
  const views: TreeRowView[] = []
  for (let row = from; row < to; row++) views.push(describe(context, row))
  return views
}

function describe({model, rows, open, chosen, cursor, found}: TreeContext, row: number): TreeRowView {
  const {calls, tree, page, unit} = model
  const kind = rows.kind[row]! as RowKind
  const call = rows.call[row]!
  const extra = rows.extra[row]!
  const depth = (call === NONE ? 0 : tree.depth[call]! + (kind === ROW.absent ? 1 : 0)) + rows.nest[row]!
  const run = Math.max(1, page.run.duration_ns)
  const common = {row, kind, call, top: rows.top[row]!, level: depth + 1, guides: Math.min(depth, GUIDES), depthNote: depth > GUIDES ? count(depth) : ''}
  if (kind === ROW.absent) {
    const note = `${counted(extra, 'call')} not in this file`
    return {
      ...common, ...NOTHING, key: `a${call}`, note, hatched: true, calls: count(extra), spoken: note,
    }
  }
  if (kind === ROW.stretch || kind === ROW.equal) {
    const facts = stretchFacts(model, tree.position[call]!, extra)
    const stretch = stretchKey(tree.position[call]!, extra)
    const isEqual = kind === ROW.equal
    const inside = open.stretches.has(stretch) ? 0 : hitsIn(model, found, tree.position[call]!, extra)
    return {
      ...common, ...NOTHING, ...(isEqual ? words(model, call) : {}), key: stretch, stretch,
      expanded: open.stretches.has(stretch), chosen: cursor === stretch,
      hits: inside === 0 ? '' : counted(inside, 'hit'),
      note: isEqual ? '' : facts.made,
      times: isEqual ? `${count(facts.own)}×` : facts.words,
      calls: count(facts.all),
      total: duration(facts.totalNs), totalShare: share(facts.totalNs, run), selfShare: share(facts.selfNs, run),
      self: duration(facts.selfNs), at: moment(calls.start[call]!, unit),
      failure: facts.failed > 0 ? `${count(facts.failed)} failed` : '',
      spoken: `${facts.words} in a row: ${isEqual ? functionOf(model, call).name : facts.made}, ${duration(facts.totalNs)}`,
    }
  }
  const took = elapsed(calls, call, page.run.duration_ns)
  const below = tree.below[call]!
  const knowsSelf = tree.absent[call] === 0
  const shown = words(model, call)
  const inside = open.calls[call] === 1 ? 0 : found.below[call] ?? 0
  return {
    ...common, ...NOTHING, ...shown, key: `c${call}`, stretch: '', hits: inside === 0 ? '' : counted(inside, 'hit'),
    expanded: below > 0 ? open.calls[call] === 1 : null,
    chosen: call === chosen && cursor === '',
    calls: count(below + 1),
    total: duration(took), totalShare: share(took, run), selfShare: knowsSelf ? share(model.self[call]!, run) : 0,
    self: knowsSelf ? duration(model.self[call]!) : '–', at: moment(calls.start[call]!, unit),
    spoken: `${shown.name}${shown.args?.map(({name, value}) => `, ${name} ${value.text}`).join('') ?? ''}${shown.result ? `, returned ${shown.result.text}` : ''}${shown.failure ? `, failed with ${shown.failure}` : ''}, ${duration(took)}, ${counted(below, 'call')} inside${shown.note ? `, ${shown.note}` : ''}`,
  }
}

const NOTHING = {
  stretch: '', expanded: null, chosen: false, module: '', name: '', args: null, result: null, failure: '', note: '', hatched: false,
  hits: '', times: '', calls: '', total: '', totalShare: 0, selfShare: 0, self: '', at: '',
} as const

function words(model: Model, call: number): Pick<TreeRowView, 'module' | 'name' | 'args' | 'result' | 'failure' | 'note' | 'hatched'> {
  const row = functionOf(model, call)
  const isBody = row.kind === 'module' || row.kind === 'class'
  const failure = failureText(model, call)
  const outcome = model.calls.outcome[call]
  const notes = [
    failure === '' ? '' : passesOn(model, call) ? `passes on to ${functionOf(model, model.tree.parent[call]!).name}` : failureGoes(model, call, call),
    callNotes(model, call, true),
    exitText(model, call),
    outcome === CLOSED ? 'closed before its end' : outcome === UNFINISHED ? 'did not return before the recording ended' : '',
  ]
  return {
    module: `${modulePrefix(row)}${outerNames(row.name)}`, name: localName(row.name),
    args: isBody ? null : argumentTexts(model, call, VALUE),
    result: isBody ? null : resultText(model, call, VALUE),
    failure, note: notes.filter(Boolean).join(', '), hatched: false,
  }
}

function share(part: number, whole: number): number {
  return Math.min(100, Math.max(0, (part / whole) * 100))
}
