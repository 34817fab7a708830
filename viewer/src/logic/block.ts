import type {Block, Line} from './mapline.ts'
import type {FramePiece, MapContext} from './maprow.ts'
import {LINE} from './mapline.ts'
import {blockX} from './placing.ts'

const INSET = 6

/** A block begins left of the lifeline of the call it stands in; blocks inside it stand in from its edges. */
export function framePieces(context: MapContext, row: number): FramePiece[] {
  const {geometry, rows: {lines}} = context
  const line = lines[row]!
  const next = lines[row + 1]
  const pieces: FramePiece[] = []
  for (let block = line.block; block !== null; block = block.outer) {
    const isHead = (line.kind === LINE.block || (line.kind === LINE.section && isBare(block))) && line.key === block.key
    const isLast = next === undefined || !liesIn(next, block)
    // The end of what is around it says that it ends.
    const isEnd = isLast && !(isBare(block) && block.outer !== null && (next === undefined || !liesIn(next, block.outer)))
    pieces.unshift({
      x: blockX(context, {...line, block}),
      right: geometry.narrow ? 2 + block.depth * 3 : geometry.took + 6 + Math.min(block.depth, 5) * INSET,
      part: isHead && isEnd ? 'only' : isHead ? 'head' : isEnd ? 'end' : 'inside',
      look: isBare(block) ? 'bare' : block.kind !== 'parallel' ? '' : block.frame === null ? 'run' : 'double',
    })
  }
  return pieces
}

/** Whether it has no head of its own: its sections are. */
function isBare({kind}: Block): boolean {
  return kind === 'alternatives' || kind === 'optional'
}

function liesIn(line: Line, block: Block): boolean {
  for (let at = line.block; at !== null; at = at.outer) if (at === block) return true
  return false
}
