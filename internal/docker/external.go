package docker

import "context"

// External returns the names, sorted, of volumes that what is left of the app
// mounts although no label ties them to it. [Engine.Volumes] leaves these out:
// an external volume may be shared with other apps, and once the app's
// containers and services are gone nothing tells whose it was. Whoever wants
// it in a snapshot must name it. Anonymous volumes are not among them.
//
// An app that is wholly removed has none: an empty answer promises nothing.
func (e *Engine) External(ctx context.Context, app App) ([]string, error) {
	if err := app.check(); err != nil {
		return nil, err
	}
	all, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	mounted, err := e.mountedBy(ctx, app)
	if err != nil {
		return nil, err
	}
	var external []string
	for _, v := range all {
		if mounted[v.Name] && !app.owns(v.Labels) && !v.isAnonymous() {
			external = append(external, v.Name)
		}
	}
	return external, nil
}

// mountedBy returns the names of the volumes that the app's containers, in any
// state, and its services mount.
func (e *Engine) mountedBy(ctx context.Context, app App) (map[string]bool, error) {
	containers, err := e.containers(ctx)
	if err != nil {
		return nil, err
	}
	services, err := e.services(ctx)
	if err != nil {
		return nil, err
	}
	var bindings []binding
	for _, c := range containers {
		if app.owns(c.Labels) {
			bindings = append(bindings, bindingsOf(c.Mounts)...)
		}
	}
	for _, s := range services {
		if app.owns(s.Spec.Labels) {
			bindings = append(bindings, serviceBindings(s.Spec.TaskTemplate)...)
		}
	}
	mounted := map[string]bool{}
	for _, b := range bindings {
		mounted[b.volume] = true
	}
	return mounted, nil
}
