// Before every file of tests. An engine runs what is tiny on one thread; tests are tiny, and ask for threads to have them.
import { vi } from 'vitest';
import type { Core } from '../src/core/core';

vi.mock('../src/core/threads', () => ({ threadsFor: (core: Core) => core.taking }));
