import { errors } from '../addons/errors';

window.footfall!.use(errors);
