// SPDX-License-Identifier: Apache-2.0

package pulpfake

// kind is one collection of objects of Pulp: `repositories/deb/apt`, `remotes/rpm/rpm` …
type kind struct {
	path   string // below api/v3/, without slashes around it
	class  string // repositories, remotes, distributions, publications
	model  string // as in a prn: deb.aptrepository
	noun   string // as in "No AptRepository matches the given query."
	plugin *plugin
}

// contentKind is one type of content.
type contentKind struct {
	path  string // content/deb/packages
	model string // prn
	ptype string // as in content_summary: deb.package
	noun  string
	// single content has its one artifact in `artifact`, the rest in `artifacts`.
	single bool
}

// plugin is what Pulp calls a repository type.
type plugin struct {
	name       string
	repository *kind
	remote     *kind
	dist       *kind
	syncTask   string
	modifyTask string
	content    []*contentKind
	// grace: superseded files stay served whatever the distribution points at (pulpcore); deb has its own rule.
	grace bool
}

var signingServices = &kind{path: "signing-services", class: "signing-services", model: "core.signingservice", noun: "SigningService"}

func makeKind(path, class, model, noun string) *kind {
	return &kind{path: path, class: class, model: model, noun: noun}
}

var (
	debPackage   = &contentKind{"content/deb/packages", "deb.package", "deb.package", "Package", true}
	debRelease   = &contentKind{"content/deb/releases", "deb.release", "deb.release", "Release", false}
	debComponent = &contentKind{"content/deb/release_components", "deb.releasecomponent", "deb.release_component", "ReleaseComponent", false}
	debArch      = &contentKind{
		"content/deb/release_architectures", "deb.releasearchitecture", "deb.release_architecture", "ReleaseArchitecture", false,
	}
	debPRC = &contentKind{
		"content/deb/package_release_components", "deb.packagereleasecomponent", "deb.package_release_component",
		"PackageReleaseComponent", false,
	}
	debReleaseFile  = &contentKind{"content/deb/release_files", "deb.releasefile", "deb.release_file", "ReleaseFile", false}
	debPackageIndex = &contentKind{"content/deb/package_indices", "deb.packageindex", "deb.package_index", "PackageIndex", false}
	rpmPackage      = &contentKind{"content/rpm/packages", "rpm.package", "rpm.package", "Package", true}
	fileFile        = &contentKind{"content/file/files", "file.filecontent", "file.file", "FileContent", true}
	pythonPackage   = &contentKind{
		"content/python/packages", "python.pythonpackagecontent", "python.python", "PythonPackageContent", true,
	}
	containerTag      = &contentKind{"content/container/tags", "container.tag", "container.tag", "Tag", false}
	containerManifest = &contentKind{"content/container/manifests", "container.manifest", "container.manifest", "Manifest", false}
	containerBlob     = &contentKind{"content/container/blobs", "container.blob", "container.blob", "Blob", true}
)

var (
	deb = &plugin{
		name:       "deb",
		repository: makeKind("repositories/deb/apt", "repositories", "deb.aptrepository", "AptRepository"),
		remote:     makeKind("remotes/deb/apt", "remotes", "deb.aptremote", "AptRemote"),
		dist:       makeKind("distributions/deb/apt", "distributions", "deb.aptdistribution", "AptDistribution"),
		syncTask:   "pulp_deb.app.tasks.synchronizing.synchronize",
		modifyTask: "pulp_deb.app.tasks.signing.signed_add_and_remove",
		content:    []*contentKind{debPackage, debRelease, debComponent, debArch, debPRC, debReleaseFile, debPackageIndex},
	}
	debApt      = makeKind("publications/deb/apt", "publications", "deb.aptpublication", "AptPublication")
	debVerbatim = makeKind("publications/deb/verbatim", "publications", "deb.verbatimpublication", "VerbatimPublication")

	rpm = &plugin{
		name:       "rpm",
		repository: makeKind("repositories/rpm/rpm", "repositories", "rpm.rpmrepository", "RpmRepository"),
		remote:     makeKind("remotes/rpm/rpm", "remotes", "rpm.rpmremote", "RpmRemote"),
		dist:       makeKind("distributions/rpm/rpm", "distributions", "rpm.rpmdistribution", "RpmDistribution"),
		syncTask:   "pulp_rpm.app.tasks.synchronizing.synchronize",
		modifyTask: "pulp_rpm.app.tasks.signing.signed_add_and_remove",
		content:    []*contentKind{rpmPackage}, grace: true,
	}
	rpmPublication = makeKind("publications/rpm/rpm", "publications", "rpm.rpmpublication", "RpmPublication")

	file = &plugin{
		name:       "file",
		repository: makeKind("repositories/file/file", "repositories", "file.filerepository", "FileRepository"),
		remote:     makeKind("remotes/file/file", "remotes", "file.fileremote", "FileRemote"),
		dist:       makeKind("distributions/file/file", "distributions", "file.filedistribution", "FileDistribution"),
		syncTask:   "pulp_file.app.tasks.synchronizing.synchronize",
		modifyTask: "pulpcore.app.tasks.repository.add_and_remove",
		content:    []*contentKind{fileFile}, grace: true,
	}
	filePublication = makeKind("publications/file/file", "publications", "file.filepublication", "FilePublication")

	python = &plugin{
		name:       "python",
		repository: makeKind("repositories/python/python", "repositories", "python.pythonrepository", "PythonRepository"),
		remote:     makeKind("remotes/python/python", "remotes", "python.pythonremote", "PythonRemote"),
		dist:       makeKind("distributions/python/pypi", "distributions", "python.pythondistribution", "PythonDistribution"),
		syncTask:   "pulp_python.app.tasks.sync.sync",
		modifyTask: "pulpcore.app.tasks.repository.add_and_remove",
		content:    []*contentKind{pythonPackage},
	}
	pythonPublication = makeKind("publications/python/pypi", "publications", "python.pythonpublication", "PythonPublication")

	container = &plugin{
		name:       "container",
		repository: makeKind("repositories/container/container", "repositories", "container.containerrepository", "ContainerRepository"),
		remote:     makeKind("remotes/container/container", "remotes", "container.containerremote", "ContainerRemote"),
		dist: makeKind("distributions/container/container", "distributions", "container.containerdistribution",
			"ContainerDistribution"),
		syncTask: "pulp_container.app.tasks.synchronize.synchronize",
		content:  []*contentKind{containerTag, containerManifest, containerBlob},
	}

	// containerPush is the list of what clients pushed to older versions of Pulp. Nothing is put into it.
	containerPush = makeKind("repositories/container/container-push", "repositories", "container.containerpushrepository", "ContainerPushRepository")

	plugins = []*plugin{deb, rpm, file, python, container}

	publicationKinds = map[*kind]*plugin{
		debApt: deb, debVerbatim: deb, rpmPublication: rpm, filePublication: file, pythonPublication: python,
	}

	kinds        = collectKinds() // by path
	contentKinds = collectContent()
)

func collectKinds() map[string]*kind {
	res := map[string]*kind{signingServices.path: signingServices}
	for _, p := range plugins {
		for _, k := range []*kind{p.repository, p.remote, p.dist} {
			k.plugin = p
			res[k.path] = k
		}
	}
	containerPush.plugin = container
	res[containerPush.path] = containerPush
	for k, p := range publicationKinds {
		k.plugin = p
		res[k.path] = k
	}
	return res
}

func collectContent() map[string]*contentKind {
	res := map[string]*contentKind{}
	for _, p := range plugins {
		for _, c := range p.content {
			res[c.path] = c
		}
	}
	return res
}

// defaults are the values of fields that an answer shows although nobody set them and that are not null. What Pulp's
// own description declares as a default comes from schema.json.
var defaults = map[string]map[string]any{
	"remotes": {
		"tls_validation": true, "pulp_labels": obj{}, "policy": "immediate",
	},
	"repositories": {"pulp_labels": obj{}},
	"distributions": {
		"pulp_labels": obj{}, "hidden": false, "checkpoint": false,
	},
	"publications": {"checkpoint": false},

	"remotes/deb/apt": {
		"sync_sources": false, "sync_udebs": false, "sync_installer": false, "ignore_missing_package_indices": false,
		"excluded_package_metadata_fields": []any{},
	},
	"remotes/python/python": {
		"policy": "on_demand", "includes": []any{}, "excludes": []any{}, "prereleases": false, "package_types": []any{},
		"keep_latest_packages": 0, "exclude_platforms": []any{}, "provenance": false,
	},
	"repositories/deb/apt": {
		"publish_upstream_release_fields": true, "signing_service_release_overrides": obj{},
		"package_signing_fingerprint_release_overrides": obj{}, "excluded_package_metadata_fields": []any{}, "autopublish": false,
	},
	"repositories/rpm/rpm": {
		"autopublish": false, "retain_package_versions": 0, "sqlite_metadata": false, "repo_config": obj{},
	},
	"repositories/file/file":     {"autopublish": false, "manifest": "PULP_MANIFEST", "last_sync_details": obj{}},
	"repositories/python/python": {"autopublish": false, "allow_package_substitution": true, "error_on_reject": false},
	"publications/deb/apt": {
		"simple": false, "structured": true, "publish_legacy_release_files": false, "layout": "nested_alphabetically",
		"excluded_package_metadata_fields": []any{},
	},
	"publications/rpm/rpm": {
		"checksum_type": "sha256", "sqlite_metadata": false, "repo_config": obj{}, "layout": "nested_alphabetically",
	},
	"publications/file/file":            {"manifest": "PULP_MANIFEST"},
	"distributions/rpm/rpm":             {"generate_repo_config": false},
	"distributions/python/pypi":         {"allow_uploads": true},
	"distributions/container/container": {"private": false},
}

// obj is a JSON object.
type obj = map[string]any
