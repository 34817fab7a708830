import {CLOSED, EXITED, RETURNED} from '../data/table.ts'
import {count, counted, duration} from '../lib/format.ts'
import {clip, localName, outerNames, visible} from '../lib/text.ts'
import {argumentTexts, callNotes, exitText, failureGoes, failureText, foldedText, laneNote, modulePrefix, resultText, SHORT_VALUE, valueText, type ArgumentText, type ValueText} from './label.ts'
import {LINE, type Line} from './mapline.ts'
import type {MapContext, MapLabel} from './maprow.ts'
import type {Model} from './model.ts'

/** A label's words, before it has a place. */
export type Words = Omit<MapLabel, 'x' | 'width' | 'at' | 'isTight'>

const EMPTY: Words = {module: '', outer: '', name: '', args: null, result: null, failure: '', head: '', times: '', pill: null, note: '', isLane: false, hatched: false}
const SHORT_FAILURE = 80

/** Whether the row is about one call that this file holds. */
export function tellsItself({calls}: Model, line: Line): boolean {
  return line.times === 1 && line.call >= 0 && line.call < calls.length
}

/** What a row says. */
export function labelOf(context: MapContext, line: Line): Words {
  const {model} = context
  switch (line.kind) {
    case LINE.call:
    case LINE.leaf:
      return callWords(context, line)
    case LINE.more: {
      if (line.times === 0) return {...EMPTY, note: line.text}
      const isBodies = line.told?.text !== undefined && /bod(y|ies)$/.test(line.text)
      const of = isBodies || line.text === '' ? '' : `of ${line.text}`
      const inside = line.inside === 0 ? '' : `with ${counted(line.inside, 'call')} inside`
      const text = isBodies ? line.text : counted(line.times, 'more call')
      return {...EMPTY, note: [of, inside].filter(Boolean).join(', '), pill: line.open === null ? null : {text, failures: '', hits: '', open: line.open, title: text}, head: line.open === null ? text : ''}
    }
    case LINE.block:
      return {...EMPTY, ...blockWords(line)}
    case LINE.section: {
      const [head = '', ...rest] = line.text.split(': ')
      return {...EMPTY, head, note: rest.join(': ')}
    }
    case LINE.note:
      return {...EMPTY, note: line.text}
    case LINE.return:
      if (line.outcome === CLOSED) return {...EMPTY, note: 'closed before its end'}
      if (line.outcome === EXITED) return {...EMPTY, note: tellsItself(model, line) ? exitText(model, line.call) : `left by ${line.text}`}
      return {...EMPTY, result: resultOf(model, line)}
    case LINE.fail: {
      const isOne = tellsItself(model, line)
      const last = line.last?.call ?? -1
      const failure = isOne ? failureText(model, line.call) : clip(visible(line.text === '' ? (line.told === null ? 'its exception is not in this file' : 'exception not recorded') : line.text), SHORT_FAILURE)
      return {...EMPTY, failure, times: timesOf(line), note: isOne && last >= 0 && last < model.calls.length ? failureGoes(model, line.call, last) : ''}
    }
    case LINE.suspended:
      return {...EMPTY, note: `suspended ${duration(model.calls.suspended[line.call]!)}`}
    case LINE.unfinished:
      return {...EMPTY, note: 'did not return before the recording ended', hatched: true}
  }
}

function blockWords({block, text, open}: Line): Pick<Words, 'head' | 'note' | 'pill'> {
  const pill = {text: '', failures: '', hits: '', open: open === true, title: 'This block'}
  if (block?.kind === 'recursion') return {head: 'recursion', note: text, pill}
  if (block?.kind === 'parallel') return {head: 'in parallel', note: text, pill}
  const at = /, | in /.exec(text)
  const [times, rest] = at === null ? [text, ''] : [text.slice(0, at.index), text.slice(at.index).replace(/^, /, '').trim()]
  return {head: `loop ${times}`, note: rest, pill}
}

function timesOf({times, around}: Line): string {
  return times === around ? '' : `${count(times)}×`
}

function resultOf(model: Model, line: Line): ValueText | null {
  if (tellsItself(model, line)) return resultText(model, line.call, SHORT_VALUE) ?? valueText('')
  return line.told === null ? null : foldedText(line.told.result ?? '')
}

/** Width of a character in mono and in sans, at the size of labels. */
const MONO = 6.8
const SANS = 6
const LEAST_NOTE = 48
/** Characters of values below which they say nothing. */
const LEAST_ARGUMENTS = 4
const LEAST_RESULT = 9
/** What a pill takes beside its words. */
const PILL = 34

/** A note that has no room is left to the panel; where a lane begins or a failure goes is always said. */
export function fittingNote({name, args, result, failure, times, pill, note, isLane}: Words, width: number): string {
  if (note === '' || failure !== '' || name === '' || isLane) return note
  const values = (args ?? []).reduce((sum, arg) => sum + arg.name.length + arg.value.text.length + 3, 2)
  const mono = name.length + values + (result === null ? 0 : result.text.length + 3)
  const sans = times.length + (pill === null ? 0 : pill.text.length + pill.failures.length + pill.hits.length + 4)
  return mono * MONO + sans * SANS + LEAST_NOTE > width ? '' : note
}

/** On a narrow screen the module before the name, if both have room. */
export function fittingModule({module, name, pill}: Words, width: number, narrow: boolean): string {
  return narrow && (module.length + name.length + LEAST_RESULT) * MONO + (pill === null ? 0 : PILL) > width ? '' : module
}

/** Whether there is no room for values: then the name and the count of what is folded are all that is said. */
export function isTight({module, name, args, result, times, pill}: Words, width: number, narrow: boolean): boolean {
  if (pill === null || name === '') return false
  const values = (args === null || args.length === 0 ? 0 : LEAST_ARGUMENTS) + (result === null ? 0 : LEAST_RESULT)
  const before = narrow ? module.length : 0
  const after = narrow ? pill.failures.length : times.length + pill.text.length + pill.failures.length + pill.hits.length
  return (before + name.length + values) * MONO + after * SANS + PILL > width
}

function callWords({model, hits}: MapContext, line: Line): Words {
  const {tree, calls, page} = model
  const row = page.functions[line.fn]!
  const isOne = tellsItself(model, line)
  const isWhole = line.kind === LINE.leaf
  const isBody = row.kind === 'module' || row.kind === 'class'
  const isLane = isOne && line.frame !== null && line.block?.kind !== 'parallel' && laneNote(model, line.call) !== ''
  const notes = [
    isOne ? callNotes(model, line.call, isWhole || line.open !== true, line.frame !== null && line.block?.kind !== 'parallel', line.open !== true) : bodyNote(row.kind),
    isWhole && line.outcome === CLOSED ? 'closed before its end' : '',
    line.told?.again === true ? 'goes on as above' : '',
    line.told === null && line.call >= calls.length ? 'its values are not in this file' : '',
  ].filter(Boolean)
  const failed = isOne ? tree.failedBelow[line.call]! : line.failing ? 1 : 0
  return {
    ...EMPTY,
    module: modulePrefix(row),
    outer: outerNames(row.name),
    isLane,
    name: localName(row.name),
    args: isBody ? null : argumentsOf(model, line),
    result: isWhole && !isBody && line.outcome === RETURNED ? resultOf(model, line) : null,
    times: timesOf(line),
    note: notes.join(', '),
    pill: line.open === null ? null : line.open ? {text: '', failures: '', hits: '', open: true, title: 'What is inside'} : {
      text: counted(line.inside, 'call'), failures: failed > 0 ? `× ${isOne ? count(failed) : ''}`.trim() : '', hits: isOne ? hitWords(hits.below[line.call] ?? 0) : '', open: false,
      title: isOne && failed > 0 ? `${counted(line.inside, 'call')} inside, ${count(failed)} failed` : `${counted(line.inside, 'call')} inside`,
    },
  }
}

function bodyNote(kind: string): string {
  return kind === 'class' ? 'class body' : kind === 'module' ? 'module body' : ''
}

function argumentsOf(model: Model, line: Line): ArgumentText[] | null {
  if (tellsItself(model, line)) return argumentTexts(model, line.call, SHORT_VALUE)
  if (line.told === null) return null
  return (line.told.args ?? []).map(([name, text]) => ({name, value: foldedText(text)}))
}

function hitWords(hits: number): string {
  return hits === 0 ? '' : counted(hits, 'hit')
}

/** The row as a sentence, for those who hear it. */
export function spokenRow({model}: MapContext, line: Line, words: Words, tookNs: number): string {
  const took = tookNs < 0 ? '' : `, ${duration(tookNs)}`
  if (line.kind === LINE.more) return [words.pill?.title ?? words.head, words.note].filter(Boolean).join(' ')
  if (line.kind === LINE.block || line.kind === LINE.section || line.kind === LINE.note) {
    const chosen = line.block?.picking
    const iteration = line.kind === LINE.block && chosen !== null && chosen !== undefined && chosen.at > 0 && line.block?.kind === 'loop' ? `iteration ${count(chosen.at)} of ${count(chosen.total)}` : ''
    return [words.head, words.note, iteration].filter(Boolean).join(', ')
  }
  const {name} = model.page.functions[line.fn]!
  if (line.kind === LINE.suspended || line.kind === LINE.unfinished) return `${name} ${words.note}`
  if (line.kind === LINE.fail) return `${name} failed: ${words.failure}${words.note === '' ? '' : `, ${words.note}`}`
  if (line.kind === LINE.return) return `${name} returned ${words.result?.text ?? words.note}`
  const by = line.frame === null ? '' : `, called by ${model.page.functions[line.frame.fn]!.name}`
  const args = (words.args ?? []).map(({name: key, value}) => `, ${key} ${value.text}`).join('')
  const result = words.result === null ? '' : `, returned ${words.result.text}`
  const failed = line.outcome === 1 && line.text !== '' ? `, failed with ${line.text}` : ''
  const note = words.note === '' ? '' : `, ${words.note}`
  const pill = words.pill === null || words.pill.text === '' ? '' : `, ${words.pill.title}`
  return `${words.times === '' ? '' : `${words.times} `}${name}${by}${args}${result}${failed}${took}${note}${pill}`
}
