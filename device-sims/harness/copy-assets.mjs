// The build step that tsc does not do: files which are served or read as they are go beside the compiled code.
import { cp } from 'node:fs/promises';

await cp('edge/staff/web', 'dist/edge/staff/web', { recursive: true });
await cp('device-sims/kafka/pom.xml', 'dist/device-sims/kafka/pom.xml');
await cp('device-sims/worlds', 'dist/device-sims/worlds', { recursive: true });
await cp('device-sims/conformance/cases', 'dist/device-sims/conformance/cases', { recursive: true });
