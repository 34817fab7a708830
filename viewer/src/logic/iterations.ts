import {iterationsOf, type FoldedTree} from '../data/folded.ts'

/** A column of a strip of iterations: which parts of its iterations differ from the commonest, and fail. */
export interface StripColumns {
  readonly length: number
  readonly other: Float32Array
  readonly failed: Float32Array
}

/** The iterations of a loop in columns. */
export function iterationStrip(tree: FoldedTree, repeat: number, columns: number): StripColumns {
  const {runStart, runSeq, runTimes, seqFails} = tree
  const total = iterationsOf(tree, repeat)
  const length = Math.max(1, Math.min(columns, total))
  const [other, failed] = [new Float32Array(length), new Float32Array(length)]
  const commonest = commonestOf(tree, repeat)
  const scale = length / Math.max(1, total)
  let at = 0
  for (let run = runStart[repeat]!; run < runStart[repeat + 1]!; run++) {
    const [seq, from] = [runSeq[run]!, at * scale]
    at += runTimes[run]!
    if (seq === commonest) continue
    const into = seqFails[seq] === 1 ? failed : other
    for (let column = Math.floor(from); column < Math.min(length, Math.ceil(at * scale)); column++) {
      into[column]! += Math.min(at * scale, column + 1) - Math.max(from, column)
    }
  }
  return {length, other, failed}
}

function commonestOf({runStart, runSeq, runTimes}: FoldedTree, repeat: number): number {
  const times = new Map<number, number>()
  let best = -1
  for (let run = runStart[repeat]!; run < runStart[repeat + 1]!; run++) {
    const seq = runSeq[run]!
    const sum = (times.get(seq) ?? 0) + runTimes[run]!
    times.set(seq, sum)
    if (best < 0 || sum > times.get(best)!) best = seq
  }
  return best
}
