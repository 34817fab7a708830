const PATHS = {
  find: 'M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.5 10.5L14 14',
  half: 'M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 1 0 0-11M8 2.500v11M8 5h3.800M8 7h5M8 9h5M8 11h3.800',
  help: 'M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M6.200 6.300c.2-2.300 3.800-2.200 3.700.1c0 1.500-1.900 1.500-1.900 2.900M8 11.500v.1',
  ok: 'M3 8.500l3.200 3.200L13 5',
  cut: 'M1.500 8H5M11 8h3.500M7.300 4L5.500 12M10.500 4L8.700 12',
  link: 'M7 9a2.800 2.800 0 0 0 4 0l2.200-2.200a2.800 2.800 0 0 0-4-4L8.400 3.600M9 7a2.800 2.800 0 0 0-4 0L2.800 9.200a2.800 2.800 0 0 0 4 4l.8-.8',
  up: 'M8 13V3M4 7l4-4 4 4',
  close: 'M4 4l8 8M12 4l-8 8',
} as const

export type IconName = keyof typeof PATHS

export function Icon({name}: {name: IconName}) {
  return <svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d={PATHS[name]} /></svg>
}
