// SPDX-License-Identifier: Apache-2.0
#include "base/store.h"

#include "base/error_makers.h"

namespace braid {

Result<PutOutcome> put_new(Store& store, const std::string& path, Bytes bytes) {
    const std::unique_ptr<NewFile> file = TRY(store.begin_put(path));
    TRY(file->append(bytes).context(fmt::format("writing \"{}\"", path)));
    return file->put();
}

Result<void> Store::link(const std::string& from, const std::string& /*to*/) {
    return unsupported("\"{}\" cannot have two names in this store", from);
}

Result<void> Store::exchange(const std::string& directory, const std::string& /*other*/) {
    return unsupported("\"{}\" cannot be exchanged for another in this store", directory);
}

Result<void> must_be_done(PutOutcome outcome, const std::string& path) {
    switch (outcome) {
        case PutOutcome::kDone:
            return {};
        case PutOutcome::kExists:
            return already_exists("\"{}\" exists", path).with_sqlstate("58P02");
        case PutOutcome::kUnknown:
            break;
    }
    return unavailable("it is not known whether \"{}\" was written", path)
        .with_detail("It may not survive a power cut.");
}

}  // namespace braid
