#include "frontend/report/page.h"

#include <fmt/format.h>

#include <utility>

#include "frontend/report/page_files.h"
#include "runtime/error.h"

namespace sinter {
namespace {

constexpr std::string_view kData = R"(<script type="application/json" id="reports">)";
constexpr std::string_view kDataEnd = "</script>";

// In a script of a page no text may end it.
std::string for_script(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    const bool begins = !text.empty() && text.back() == '<' && (c == '/' || c == '!');
    if (begins) {
      text.pop_back();
      text += "\\u003c";
    }
    text += c;
  }
  return text;
}

}  // namespace

std::string report_page(const std::vector<nlohmann::ordered_json>& reports) {
  const std::string json =
      nlohmann::ordered_json(reports).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::pair<std::string_view, std::string> parts[] = {
      {"/* style */", kPageStyle},
      {"<!-- data -->", fmt::format("{}{}{}", kData, for_script(json), kDataEnd)},
      {"// script", kPageScript}};
  std::string_view rest = kPageFrame;
  std::string page;
  for (const auto& [mark, part] : parts) {
    const size_t at = rest.find(mark);
    page.append(rest.substr(0, at)).append(part);
    rest.remove_prefix(at + mark.size());
  }
  return page.append(rest);
}

std::vector<nlohmann::ordered_json> reports_of_page(std::string_view page, std::string_view name) {
  const size_t begin = page.find(kData);
  const size_t end = begin == std::string_view::npos ? begin : page.find(kDataEnd, begin);
  if (end == std::string_view::npos) throw RuntimeError(fmt::format("{} is no report", name));
  const std::string_view text = page.substr(begin + kData.size(), end - begin - kData.size());
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw RuntimeError(fmt::format("{} is no report: {}", name, error.what()));
  }
}

}  // namespace sinter
