// SPDX-License-Identifier: AGPL-3.0-or-later
import { test } from 'node:test';
import { mainJob } from './lib/mainjob.mjs';

test('a newcomer goes from nothing to a checked proof, in English', () => mainJob('en'));
