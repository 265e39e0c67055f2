// SPDX-License-Identifier: Apache-2.0
#include "app/cli/view_files.h"

#include "app/config.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"

namespace braid::app {

Result<std::unique_ptr<ViewFiles>> ViewFiles::open(const Arguments& arguments) {
    Config config;
    if (!arguments.config.empty()) TRY(read_config(arguments.config, config));
    if (!arguments.data.empty()) config.data = arguments.data;
    TRY(settle_roots(config));
    auto files = std::make_unique<ViewFiles>();
    files->store = TRY(open_posix_file_system(config.store));
    if (!TRY(files->store->exists("manifest"))) {
        return not_found("{} holds no manifest", config.store);
    }
    files->manifest = TRY(manifest::Manifest::open(*files->store, files->clock, "manifest"));
    files->function_data =
        std::make_unique<FunctionDataStore>(*files->store, "", FunctionDataFiles());
    files->views = std::make_unique<CatalogViews>(*files->manifest, *files->function_data);
    files->state = files->manifest->head();
    files->view = files->state->catalog.find_view(arguments.view);
    if (files->view == nullptr) {
        return not_found("materialized view \"{}\" does not exist", arguments.view);
    }
    files->table = &files->state->catalog.tables.at(files->view->table);
    files->bound = TRY(files->views->view_of(files->view->current));
    return files;
}

}  // namespace braid::app
