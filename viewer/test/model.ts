import {readFileSync} from 'node:fs'
import {recordingOf} from '../src/data/read.ts'
import type {PageHead} from '../src/gen/page.ts'
import {createModel, type Model} from '../src/logic/model.ts'
import type {OpenState} from '../src/logic/open.ts'
import {buildRows, ROW, type RowKind} from '../src/logic/rows.ts'
import {treeHeights} from '../src/logic/treerow.ts'
import {functionOf} from '../src/logic/model.ts'
import {recorder, type Fixture} from './fixtures/recorder.ts'

export function modelOf({head, bytes}: Fixture): Model {
  return createModel(recordingOf(head, bytes))
}

/** The run that the writer's own tests make: loops in a loop, variants, failures, a recursion and a pool of threads. */
export function ordersModel(): Model {
  const {head, bytes} = JSON.parse(readFileSync(new URL('./fixtures/orders.json', import.meta.url), 'utf8')) as {head: PageHead, bytes: string}
  return createModel(recordingOf(head, Uint8Array.from(Buffer.from(bytes, 'base64'))))
}

/**
 * A model from lines of names, indented by two spaces a level; `!` marks a failure that passes or ends, `*` a lane of its own.
 * Every call takes one microsecond before and one after what is inside.
 */
export function drawn(text: string): Model {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length))
  const r = recorder()
  const known = new Map<string, number>()
  let at = 0
  const take = (level: number): void => {
    while (at < lines.length) {
      const line = lines[at]!
      if ((line.length - line.trimStart().length - indent) / 2 < level) return
      at++
      const [, name = '', marks = ''] = /^([\w.]+)([!*]*)/.exec(line.trim()) ?? []
      const called = known.get(name) ?? r.fn({name, module: 'm', participant: 'm', file: 'm.py'})
      known.set(name, called)
      r.call(called, {...(marks.includes('!') ? {raises: 'ValueError: bad'} : {}), ...(level === 0 ? {parent: null} : {}), after: 1}, () => take(level + 1))
    }
  }
  take(0)
  return modelOf(r.finish({command: 'drawn'}))
}

const NAMES: Record<RowKind, string> = {
  [ROW.call]: '', [ROW.absent]: 'absent ', [ROW.stretch]: 'stretch ', [ROW.equal]: 'equal ',
}

/** The rows as text, one a line. */
export function rowsText(model: Model, open: OpenState): string[] {
  const rows = buildRows(model, open, treeHeights(false))
  return Array.from({length: rows.length}, (_, row) => {
    const call = rows.call[row]!
    const kind = rows.kind[row]! as RowKind
    const name = call < model.tree.length ? functionOf(model, call).name : ''
    const extra = kind === ROW.stretch || kind === ROW.equal ? ` ${rows.extra[row]! - model.tree.position[call]!}×` : kind === ROW.absent ? ` ${rows.extra[row]}` : ''
    const depth = call < model.tree.length ? model.tree.depth[call]! : 0
    return `${'  '.repeat(depth)}${NAMES[kind]}${name}${extra}`
  })
}
