#include "bench/workloads/workload.h"

#include <map>
#include <regex>

namespace sinter::bench {
namespace {

using Sizes = std::map<std::string, int64_t*>;

std::string known_sizes(const Sizes& sizes) {
  std::string names;
  for (const auto& [name, place] : sizes) names += (names.empty() ? "" : ", ") + name;
  return names;
}

// "layers=3,width=80" → where `sizes` says.
void read_sizes(const std::string& workload, const std::string& text, const Sizes& sizes) {
  const std::regex size("([a-z]+)=([1-9][0-9]{0,5})(,|$)");
  std::smatch match;
  for (std::string left = text; !left.empty(); left = match.suffix()) {
    if (!std::regex_search(left, match, size, std::regex_constants::match_continuous) ||
        !sizes.contains(match[1]))
      throw Error(workload + ": expected sizes as in NAME=1,NAME=2 with the names " + known_sizes(sizes) +
                  ", and found \"" + left + "\"");
    *sizes.at(match[1]) = std::stoll(match[2]);
  }
}

// What stands behind "flagship:" or "nanogpt:"; nothing where the name stands alone.
std::string behind(const std::string& name, const std::string& workload) {
  return name.size() > workload.size() ? name.substr(workload.size() + 1) : "";
}

bool is_called(const std::string& name, const std::string& workload) {
  return name == workload || name.starts_with(workload + ":");
}

}  // namespace

Workload workload(const std::string& name) {
  if (is_called(name, "flagship")) {
    FlagshipSizes sizes;
    read_sizes("flagship", behind(name, "flagship"), {{"batch", &sizes.batch}});
    return flagship(sizes);
  }
  if (is_called(name, "nanogpt")) {
    NanogptSizes sizes;
    read_sizes("nanogpt", behind(name, "nanogpt"),
               {{"layers", &sizes.layers},
                {"width", &sizes.width},
                {"heads", &sizes.heads},
                {"context", &sizes.context},
                {"batch", &sizes.batch},
                {"characters", &sizes.characters}});
    return nanogpt(sizes);
  }
  if (name == "infer1") return infer1();
  if (name == "block") return block(false);
  if (name == "block:forward") return block(true);
  if (is_called(name, "rows")) {
    RowsSizes sizes;
    read_sizes("rows", behind(name, "rows"), {{"rows", &sizes.rows}, {"width", &sizes.width}});
    return rows(sizes);
  }
  std::smatch match;
  if (std::regex_match(name, match, std::regex("sdpa:([1-9][0-9]{0,5})(:causal)?")))
    return sdpa(std::stoll(match[1]), match[2].matched);
  if (std::regex_match(name, match,
                       std::regex("gemm:([1-9][0-9]{0,5})x([1-9][0-9]{0,5})x([1-9][0-9]{0,5})(:[nt][nt])?")))
    return gemm(std::stoll(match[1]), std::stoll(match[2]), std::stoll(match[3]),
                match.str(4).starts_with(":t"), match.str(4).ends_with("t"));
  throw Error("no workload is called '" + name + "': there are " + workload_names());
}

std::string workload_names() {
  return "flagship[:batch=N], infer1, nanogpt[:layers=N,width=N,...], block[:forward], "
         "rows[:rows=N,width=N], sdpa:T[:causal] and gemm:MxNxK[:nn|nt|tn|tt], with sizes from 1 to 999999";
}

}  // namespace sinter::bench
