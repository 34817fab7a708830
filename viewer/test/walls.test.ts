import {readdirSync, readFileSync, statSync} from 'node:fs'
import {join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import {expect, test} from 'vitest'

const root = fileURLToPath(new URL('../src', import.meta.url))
const MAY_IMPORT: Record<string, readonly string[]> = {
  gen: [], lib: [], data: ['gen', 'lib'], logic: ['gen', 'lib', 'data'], draw: ['gen', 'lib', 'data', 'logic'],
  state: ['gen', 'lib', 'data', 'logic'], views: ['gen', 'lib', 'data', 'logic', 'draw', 'state'],
}

const files = readdirSync(root, {recursive: true, encoding: 'utf8'}).filter((path) => /\.tsx?$/.test(path) && statSync(join(root, path)).isFile())

test.each(files)('%s imports only what lies before it', (path) => {
  const folder = path.split('/')[0]!
  const text = readFileSync(join(root, path), 'utf8')
  const allowed = MAY_IMPORT[folder]
  for (const [, from] of text.matchAll(/from '(\.[^']+)'/g)) {
    const target = relative(root, join(root, path, '..', from!)).split('/')[0]!
    if (allowed !== undefined && target !== folder) expect(allowed).toContain(target)
  }
  if (folder === 'logic' || folder === 'lib') expect(text).not.toMatch(/\b(document|window)\.|HTMLElement/)
  expect(text).not.toMatch(/innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML/)
  expect(text.split('\n').length).toBeLessThanOrEqual(600)
})
