// Entry point of the engine's worker: an EngineCore behind Comlink.
import { exposeEngine } from '#platform';
import * as Comlink from 'comlink';
import { EngineEndpoint } from './runtime/endpoint';

void exposeEngine((endpoint) => Comlink.expose(new EngineEndpoint(), endpoint));
