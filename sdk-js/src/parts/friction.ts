import { friction } from '../addons/friction';

window.footfall!.use(friction);
