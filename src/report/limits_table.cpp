#include "hsconas/report/limits_table.hpp"

namespace hsconas {

std::vector<std::string> limits_head(const ResultRecord& result) {
  std::vector<std::string> head{""};
  for (const LimitRecord& limit : result.limits) head.push_back(limit.what);
  return head;
}

std::vector<std::vector<std::string>> limits_rows(const ResultRecord& result) {
  std::vector<std::vector<std::string>> rows{{"at most"}};
  for (const LimitRecord& limit : result.limits) {
    rows.front().push_back(text_of(limit.bound, limit.unit));
  }
  const auto add = [&](const ComparedArchitecture& compared) {
    auto& row = rows.emplace_back(std::vector{compared.title});
    for (std::size_t i = 0; i < result.limits.size(); ++i) {
      const LimitRecord& limit = result.limits[i];
      const double value = compared.limited[i];
      row.push_back(text_of(value, limit.unit) + (value > limit.bound ? " !" : ""));
    }
  };
  add(result.winner);
  for (const ComparedArchitecture& other : result.others) add(other);
  return rows;
}

}  // namespace hsconas
