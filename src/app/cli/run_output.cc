// SPDX-License-Identifier: Apache-2.0
#include "app/cli/run_output.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "app/cli/absolute_path.h"
#include "base/error_makers.h"
#include "base/posix_file_system.h"
#include "manifest/run_text.h"

namespace braid::app {

namespace {

constexpr const char* kDescription = ".json";

/// A directory and the name of a file in it.
std::pair<std::string, std::string> place_of(const std::string& path) {
    const std::string absolute = absolute_path(path);
    const size_t slash = absolute.rfind('/');
    return {slash == 0 ? "/" : absolute.substr(0, slash), absolute.substr(slash + 1)};
}

}  // namespace

Result<RunOutput> RunOutput::create(const std::string& path) {
    auto [directory, name] = place_of(path);
    if (name.empty()) return invalid_input("\"{}\" does not name a file", path);
    RunOutput output;
    output.directory_ = TRY(open_posix_file_system(directory));
    output.name_ = name;
    for (const std::string& each : {name, name + kDescription, output.spill_directory()}) {
        if (TRY(output.directory_->exists(each))) {
            return already_exists("{}/{} is there already", directory, each);
        }
    }
    output.file_ = std::make_unique<runs::RunFile>(*output.directory_, name);
    output.is_mine_ = true;
    return output;
}

/// Others may use the directory as well: only what is empty goes.
RunOutput::~RunOutput() {
    if (!is_mine_ || !directory_) return;
    file_.reset();
    static_cast<void>(directory_->remove_directory(spill_directory() + "/0"));
    static_cast<void>(directory_->remove_directory(spill_directory()));
    static_cast<void>(directory_->remove_directory("_tmp"));
}

/// A run without its description is nobody's.
Result<void> RunOutput::describe(const manifest::Run& run) {
    const auto put = [&]() -> Result<void> {
        const std::string text = TRY(manifest::run_to_text(run));
        const PutOutcome outcome = TRY(put_new(*directory_, name_ + kDescription, as_bytes(text)));
        return must_be_done(outcome, name_ + kDescription);
    };
    Result<void> done = put();
    if (!done && !run.parts.empty()) static_cast<void>(directory_->remove(name_));
    return done;
}

Result<void> RunOutput::finish(const manifest::Run& run) {
    TRY(file_->put());
    TRY(describe(run));
    const FoldAccount account = run.account();
    fmt::print(
        "rows={} digest={} counted={} filtered={} quarantined={} failed={} expired={} "
        "erased={}\n",
        run.rows, run.digest.to_hex(), account.counted, account.filtered, account.quarantined,
        account.failed, account.expired, account.erased);
    std::fflush(stdout);
    return {};
}

Result<RunInput> RunInput::open(const std::string& path) {
    const auto [directory, name] = place_of(path);
    RunInput input;
    input.directory = TRY(open_posix_file_system(directory));
    const std::string description = name + kDescription;
    manifest::Run run = TRY(manifest::run_from_text(TRY(input.directory->read_all(description)),
                                                    directory + "/" + description));
    // Files may have been renamed or moved together.
    for (manifest::Part& part : run.parts) part.file = name;
    input.reader = TRY(runs::RunReader::open(*input.directory, std::move(run)));
    return input;
}

}  // namespace braid::app
