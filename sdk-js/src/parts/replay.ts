import { replay } from '../addons/replay';

window.footfall!.use(replay);
