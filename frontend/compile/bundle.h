#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "ir/graph/graph.h"
#include "passes/options.h"

namespace sinter {

// What was being made of a module.
struct Attempt {
  std::string function;                   // "": each of them
  std::string device, target = "native";  // as backends::open_device takes them; "": a machine with threads
  int threads = 0;                        // 0: those of the device
  passes::Options options;
  std::string passes;  // run one after the other, as parse_pass_list takes them; "": it was compiled
};

// Makes it again; throws what that throws.
void repeat(const graph::Module& module, const Attempt& attempt);

// A folder that holds what it takes to see an internal error again, on another machine too:
//   graph.sg      the module; constants of more than 16 elements have their first one everywhere, but where
//                 $SINTER_BUNDLE is "constants"
//   attempt.json  the attempt, the target, the message and the versions of what failed
struct Bundle {
  graph::Module module;
  Attempt attempt;
  std::string message;
};
Bundle read_bundle(const std::string& folder);  // throws RuntimeError, GraphError

// Writes one to the folder `bundles` of user_cache_folder(), of which the 16 newest are kept, and gives its
// path; "" where there is no such folder, or it cannot be written to. The same error again is the same
// bundle. None is ever seen half written.
std::string write_bundle(const graph::Module& module, const Attempt& attempt, std::string_view message);

// Throws an InternalError, which says where a bundle is, if there is one:
//   compiling 'train': no such axis; to see it again: sinter-opt --replay
//   /home/ann/.cache/sinter/bundles/0123
[[noreturn]] void fail_with_bundle(const graph::Module& module, const Attempt& attempt,
                                   std::string_view message);

// What `make` gives. Where that fails for a reason of ours, there is a bundle.
template <typename Make>
decltype(auto) bundled(const graph::Module& module, const Attempt& attempt, Make&& make) {
  try {
    return make();
  } catch (const std::logic_error& error) {
    fail_with_bundle(module, attempt, error.what());
  }
}

}  // namespace sinter
