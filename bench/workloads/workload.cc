#include "bench/workloads/workload.h"

#include <regex>

namespace sinter::bench {

Workload workload(const std::string& name) {
  if (name == "flagship") return flagship();
  if (name == "infer1") return infer1();
  if (name == "nanogpt") return nanogpt();
  if (name == "block") return block(false);
  if (name == "block:forward") return block(true);
  if (name == "rows") return rows();
  std::smatch match;
  if (std::regex_match(name, match, std::regex("sdpa:([1-9][0-9]{0,5})(:causal)?")))
    return sdpa(std::stoll(match[1]), match[2].matched);
  if (std::regex_match(name, match, std::regex("gemm:([1-9][0-9]{0,5})x([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")))
    return gemm(std::stoll(match[1]), std::stoll(match[2]), std::stoll(match[3]));
  throw Error(
      "no workload is called \"" + name +
      "\": there are flagship, infer1, nanogpt, block[:forward], rows, sdpa:T, sdpa:T:causal, gemm:MxNxK");
}

}  // namespace sinter::bench
