import {NONE} from '../data/table.ts'
import {count} from '../lib/format.ts'
import {localName} from '../lib/text.ts'
import {functionOf, type Model} from './model.ts'
import {ROW, rowAt, type Rows} from './rows.ts'

const SHOWN = 3

/** Calls that are open at the top of the window and whose own rows lie above it, outermost first. */
export function openFrames(model: Model, rows: Rows, top: number): {calls: {call: number, name: string}[], more: string} {
  const {tree} = model
  if (rows.length === 0 || top <= 0) return {calls: [], more: ''}
  const row = rowAt(rows, top)
  const call = rows.call[row]!
  if (call === NONE) return {calls: [], more: ''}
  const isStart = rows.kind[row] === ROW.call || rows.kind[row] === ROW.leaf || rows.kind[row]! >= ROW.stretch
  const found: {call: number, name: string}[] = []
  let at = isStart ? tree.parent[call]! : call
  while (at !== NONE && found.length < SHOWN) {
    found.unshift({call: at, name: localName(functionOf(model, at).name)})
    at = tree.parent[at]!
  }
  const left = at === NONE ? 0 : tree.depth[at]! + 1
  return {calls: found, more: left === 0 ? '' : `${count(left)} more`}
}
