// Headless Chromium for the browser tests: found, started with an empty profile, ended with the test file.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long a page may take to answer. */
const PATIENCE_MS = 30_000;

/** Whether there is a Chromium to test with. Says so once if not; where CI is set, a missing one is an error. */
export function hasChromium(): boolean {
  if (existsSync(executablePath)) return true;
  if (process.env.CI === 'true')
    throw new Error(`there is no ${executablePath}: install Chromium or set CHROMIUM_PATH`);
  console.warn(`skipped: there is no ${executablePath} (install Chromium or set CHROMIUM_PATH)`);
  return false;
}

export interface Chromium {
  /** Opens a page and waits until its modules have run. What it logs and throws ends up in `problems`. */
  open(url: string): Promise<{ page: Page; problems: string[] }>;
  close(): Promise<void>;
}

export async function startChromium(): Promise<Chromium> {
  const profile = mkdtempSync(join(tmpdir(), 'wasmformer-chromium-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: FLAGS,
    headless: true,
    timeout: PATIENCE_MS,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return {
    async open(url) {
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
      });
      await page.goto(url, { waitUntil: 'load' });
      return { page, problems };
    },
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
