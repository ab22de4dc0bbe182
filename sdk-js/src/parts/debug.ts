import { debug } from '../addons/debug';

window.footfall!.use(debug);
