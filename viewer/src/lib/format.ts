/** Whole number with thousands separators. */
export function count(value: number): string {
  const digits = String(Math.abs(Math.trunc(value)))
  let text = ''
  for (let i = 0; i < digits.length; i++) {
    if (i > 0 && (digits.length - i) % 3 === 0) text += ','
    text += digits[i]
  }
  return value < 0 ? `−${text}` : text
}

/** `1 call`, `1,002 calls`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** `840 ns`, `2.3 µs`, `21 µs`, `6.1 ms`, `1.24 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(ns: number): string {
  if (ns < 999.5) return `${Math.round(ns)} ns`
  if (ns < 9_950) return `${(ns / 1e3).toFixed(1)} µs`
  if (ns < 999_500) return `${Math.round(ns / 1e3)} µs`
  if (ns < 999_950_000) return `${(ns / 1e6).toFixed(1)} ms`
  if (ns < 59_995_000_000) return `${(ns / 1e9).toFixed(2)} s`
  const seconds = Math.round(ns / 1e9)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${count(Math.floor(minutes / 60))} h ${two(minutes % 60)} min`
}

export type TimeUnit = 'µs' | 'ms' | 's'

/** The unit of a time column for a run of this length. */
export function unitFor(runNs: number): TimeUnit {
  if (runNs < 1e7) return 'µs'
  return runNs < 6e10 ? 'ms' : 's'
}

/** A moment of the run in the unit of its column, without the unit. */
export function moment(ns: number, unit: TimeUnit, digits = unit === 's' ? 2 : 1): string {
  const scale = unit === 'µs' ? 1e3 : unit === 'ms' ? 1e6 : 1e9
  const [whole = '0', part] = Math.max(0, ns / scale).toFixed(digits).split('.')
  return part === undefined ? count(Number(whole)) : `${count(Number(whole))}.${part}`
}

/** `640 bytes`, `12 KB`, `0.6 MB`. */
export function bytes(value: number): string {
  if (value < 1000) return counted(value, 'byte')
  if (value < 99_500) return `${Math.round(value / 1000)} KB`
  return `${(value / 1e6).toFixed(1)} MB`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
