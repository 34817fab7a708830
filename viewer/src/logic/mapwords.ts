import {CLOSED, EXITED, NONE, RAISED} from '../data/table.ts'
import {count, counted, duration} from '../lib/format.ts'
import {localName, outerNames} from '../lib/text.ts'
import {argumentTexts, callNotes, exitText, failureGoes, failureText, laneNote, modulePrefix, resultText, SHORT_VALUE, textAt, valueText} from './label.ts'
import {parallelWords} from './lanes.ts'
import type {MapContext, MapLabel} from './maprow.ts'
import {functionOf} from './model.ts'
import {ROW, type RowKind} from './rows.ts'
import {hitsIn} from './search.ts'
import {stretchFacts} from './stretch.ts'

/** A label's words, before it has a place. */
export type Words = Omit<MapLabel, 'x' | 'width' | 'at' | 'isTight'>

const EMPTY: Words = {module: '', outer: '', name: '', args: null, result: null, failure: '', head: '', times: '', pill: null, note: '', isLane: false, hatched: false}

/** What a row says. */
export function labelOf(context: MapContext, kind: RowKind, call: number, extra: number, isOpen: boolean): Words {
  const {model} = context
  switch (kind) {
    case ROW.call:
    case ROW.leaf:
      return callWords(context, call, kind === ROW.leaf, isOpen)
    case ROW.equal: {
      const {own} = stretchFacts(model, model.tree.position[call]!, extra)
      return {...callWords(context, call, true, false), times: `${count(own)}×`, pill: {text: '', failures: '', hits: '', open: isOpen, title: `${count(own)} equal calls`}}
    }
    case ROW.stretch: {
      const facts = stretchFacts(model, model.tree.position[call]!, extra)
      const inside = facts.all - facts.own
      return {
        ...EMPTY, note: inside === 0 ? facts.made : `${facts.made}, with ${count(inside)} inside`,
        pill: {
          text: facts.words, failures: facts.failed > 0 ? `× ${count(facts.failed)}` : '', hits: isOpen ? '' : hitWords(hitsIn(model, context.hits, model.tree.position[call]!, extra)), open: isOpen,
          title: inside === 0 ? `${facts.words} in a row` : `${facts.words} in a row, with ${count(inside)} inside`,
        },
      }
    }
    case ROW.parallel:
      return {...EMPTY, head: 'in parallel', note: parallelWords(model, model.tree.position[call]!, extra)}
    case ROW.return:
      if (model.calls.outcome[call] === CLOSED) return {...EMPTY, note: 'closed before its end'}
      if (model.calls.outcome[call] === EXITED) return {...EMPTY, note: exitText(model, call)}
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

function hitWords(hits: number): string {
  return hits === 0 ? '' : counted(hits, 'hit')
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

function callWords({model, hits}: MapContext, call: number, isWhole: boolean, isOpen: boolean): Words {
  const {tree, calls} = model
  const row = functionOf(model, call)
  const below = tree.below[call]!
  const failed = tree.failedBelow[call]!
  const closed = isWhole && calls.outcome[call] === CLOSED
  const notes = callNotes(model, call, isWhole || !isOpen)
  return {
    ...EMPTY,
    module: modulePrefix(row),
    outer: outerNames(row.name),
    isLane: laneNote(model, call) !== '',
    name: localName(row.name),
    args: row.kind === 'module' || row.kind === 'class' ? null : argumentTexts(model, call, SHORT_VALUE),
    result: isWhole && row.kind !== 'module' && row.kind !== 'class' ? resultText(model, call, SHORT_VALUE) : null,
    note: closed ? [notes, 'closed before its end'].filter(Boolean).join(', ') : notes,
    pill: isOpen || below === 0 ? null : {
      text: counted(below, 'call'), failures: failed > 0 ? `× ${count(failed)}` : '', hits: hitWords(hits.below[call] ?? 0), open: false,
      title: failed > 0 ? `${counted(below, 'call')} inside, ${count(failed)} failed` : `${counted(below, 'call')} inside`,
    },
  }
}

/** The row as a sentence, for those who hear it. */
export function spokenRow({model}: MapContext, kind: RowKind, call: number, words: Words, tookNs: number): string {
  const took = tookNs < 0 ? '' : `, ${duration(tookNs)}`
  if (kind === ROW.stretch) return `${words.pill?.title ?? ''}: ${words.note}${took}`
  if (kind === ROW.absent) return words.note
  if (kind === ROW.parallel) return `${words.head}: ${words.note}`
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
