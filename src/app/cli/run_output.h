// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "manifest/manifest.h"
#include "runs/run_file.h"

namespace braid::app {

/// Where a command puts a run: PATH, which is not there for a run without rows, and PATH.json,
/// which says what a manifest would say of it. Neither may be there before. Spills lie beside it,
/// and nothing but the two stays.
class RunOutput {
  public:
    static Result<RunOutput> create(const std::string& path);
    RunOutput(RunOutput&&) noexcept = default;
    RunOutput& operator=(RunOutput&&) = delete;
    ~RunOutput();

    FileSystem& directory() { return *directory_; }
    std::string spill_directory() const { return name_ + ".spill"; }
    runs::RunFile& file() { return *file_; }
    /// Puts both, and says on standard output what there is.
    Result<void> finish(const manifest::Run& run);

  private:
    RunOutput() = default;
    Result<void> describe(const manifest::Run& run);

    std::unique_ptr<FileSystem> directory_;
    std::string name_;
    bool is_mine_ = false;  // what lies under these names
    std::unique_ptr<runs::RunFile> file_;
};

/// A run that such a command has put there. `directory` must outlive the reader.
struct RunInput {
    std::unique_ptr<FileSystem> directory;
    std::shared_ptr<const runs::RunReader> reader;

    static Result<RunInput> open(const std::string& path);
};

}  // namespace braid::app
