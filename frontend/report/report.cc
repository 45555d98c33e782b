#include "frontend/report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sinter/error.h>

#include <utility>

#include "frontend/report/facts.h"

namespace sinter {
namespace {

using Json = nlohmann::ordered_json;

Json curve_facts(const ReportCurve& curve) {
  return {{"name", curve.name}, {"along", curve.along}, {"points", curve.points}};
}

Json heat_map_facts(const ReportHeatMaps& maps) {
  Json facts = {
      {"name", maps.name}, {"rows", maps.rows}, {"columns", maps.columns}, {"moments", Json::array()}};
  for (const ReportHeatMaps::Moment& moment : maps.moments) {
    const Shape& shape = moment.values.shape();
    if (shape.size() != 3 || shape[1] != static_cast<int64_t>(maps.rows.size()) ||
        shape[2] != static_cast<int64_t>(maps.columns.size())) {
      throw Error(fmt::format("report: '{}' of {} is [maps,{},{}], got [{}]", maps.name, moment.name,
                              maps.rows.size(), maps.columns.size(), fmt::join(shape, ",")));
    }
    facts["moments"].push_back(
        {{"name", moment.name}, {"maps", shape[0]}, {"values", moment.values.values<float>()}});
  }
  return facts;
}

}  // namespace

Report::Report(const backends::Device& device, std::string name)
    : device_(device), name_(std::move(name)), code_(device) {}

void Report::add(const loop::Program& program, std::span<const runtime::KernelTime> times) {
  Json& facts = functions_.emplace_back(facts_of(program, times, texts_));
  for (const Json& kernel : facts["kernels"]) {
    for (const Json& op : kernel["ops"]) {
      const auto place = op["place"].get<std::string>();
      if (lines_.contains(place)) continue;
      if (const auto line = sources_.at(place)) lines_[place] = *line;
    }
  }
  for (const std::string& kind : code_kinds(name_)) {
    for (size_t i = 0; i < program.kernels.size(); ++i)
      facts["kernels"][i]["texts"][kind] = code_.add(program, i, kind, texts_);
  }
}

Json Report::finish(const ReportOptions& options) const {
  std::string title = options.title;
  if (title.empty()) {
    for (const Json& function : functions_)
      title += (title.empty() ? "" : ", ") + function["name"].get<std::string>();
  }
  Json curves = Json::array(), heat_maps = Json::array();
  for (const ReportCurve& curve : options.curves) curves.push_back(curve_facts(curve));
  for (const ReportHeatMaps& maps : options.heat_maps) heat_maps.push_back(heat_map_facts(maps));
  return {{"title", title},
          {"device", name_},
          {"target", loop::print(device_.target())},
          {"peak_flops", options.peak_flops},
          {"peak_bytes", options.peak_bytes},
          {"functions", functions_},
          {"curves", std::move(curves)},
          {"heat_maps", std::move(heat_maps)},
          {"lines", lines_},
          {"texts", texts_.all()}};
}

}  // namespace sinter
