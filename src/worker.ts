// Entry point of the engine's worker: an EngineCore behind Comlink.
import { exposeEngine, wirePorts } from '#platform';
import * as Comlink from 'comlink';
import { EngineEndpoint } from './runtime/endpoint';

wirePorts(Comlink);
void exposeEngine((endpoint) => Comlink.expose(new EngineEndpoint(), endpoint));
