import {columnX} from './geometry.ts'
import type {FramePiece, MapContext} from './maprow.ts'
import {ROW, type Rows} from './rows.ts'

const FRAME_INSET = 6

/** A block begins left of the lifeline of the call it stands in; blocks inside it stand in from its edges. */
export function framePieces({model, rows, columnOf, geometry}: MapContext, row: number): FramePiece[] {
  const pieces: FramePiece[] = []
  for (let block = rows.block[row]!; block > 0; block = rows.blocks[block * 2 - 2]!) {
    const below = rows.blocks[block * 2 - 1]!
    const column = columnOf[model.calls.function[below]!]!
    const isHead = rows.kind[row] === ROW.parallel && pieces.length === 0
    const isEnd = row + 1 >= rows.length || !liesIn(rows, row + 1, block)
    const depth = depthOf(rows, block)
    pieces.unshift({
      x: geometry.narrow ? 2 + depth * 3 : columnX(geometry, column) - 16 + depth * 3,
      right: geometry.narrow ? 2 + depth * 3 : geometry.took + 6 + depth * FRAME_INSET,
      part: isHead ? 'head' : isEnd ? 'end' : 'inside',
    })
  }
  return pieces
}

function liesIn(rows: Rows, row: number, block: number): boolean {
  for (let at = rows.block[row]!; at > 0; at = rows.blocks[at * 2 - 2]!) if (at === block) return true
  return false
}

function depthOf(rows: Rows, block: number): number {
  let depth = 0
  for (let at = rows.blocks[block * 2 - 2]!; at > 0; at = rows.blocks[at * 2 - 2]!) depth++
  return depth
}
