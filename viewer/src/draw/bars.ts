/** Path of bars side by side, as high as their share of the highest; nothing is drawn for zero but a foot. */
export function barsPath(values: readonly number[], width: number, height: number, gap: number, foot: number): string {
  const most = Math.max(1, ...values)
  const step = width / Math.max(1, values.length)
  let path = ''
  values.forEach((value, at) => {
    const tall = value === 0 ? foot : Math.max(1.5, (value / most) * height)
    if (tall === 0) return
    path += `M${round(at * step)} ${height}v${round(-tall)}h${round(step - gap)}v${round(tall)}z`
  })
  return path
}

/** Path of columns whose heights grow with the logarithm of the values. */
export function logPath(values: Uint32Array, most: number, bottom: number, tallest: number): string {
  const scale = tallest / Math.log2(most + 1)
  let path = ''
  values.forEach((value, at) => {
    if (value > 0) path += `M${at} ${bottom}v${round(-Math.max(2, Math.log2(value + 1) * scale))}h1v${round(Math.max(2, Math.log2(value + 1) * scale))}z`
  })
  return path
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
