"""sqlglot: a real library parsing and optimising a query like TPC-H's fifth."""

INCLUDE = ["*sqlglot*"]
SIZE = 20
QUICK_SIZE = 1

QUERY = """
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue,
       count(distinct o_orderkey) as orders, avg(l_quantity) as quantity
from customer, orders, lineitem, supplier, nation, region
where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey
  and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey
  and r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01'
  and exists (select 1 from lineitem as other where other.l_orderkey = o_orderkey and other.l_quantity > 10)
group by n_name
having sum(l_extendedprice) > 1000
order by revenue desc
"""

SCHEMA = {
    "customer": {"c_custkey": "int", "c_nationkey": "int", "c_name": "text"},
    "orders": {"o_orderkey": "int", "o_custkey": "int", "o_orderdate": "date"},
    "lineitem": {
        "l_orderkey": "int",
        "l_suppkey": "int",
        "l_extendedprice": "decimal",
        "l_discount": "decimal",
        "l_quantity": "int",
    },
    "supplier": {"s_suppkey": "int", "s_nationkey": "int"},
    "nation": {"n_nationkey": "int", "n_regionkey": "int", "n_name": "text"},
    "region": {"r_regionkey": "int", "r_name": "text"},
}


def run(size: int) -> int:
    import sqlglot
    from sqlglot.optimizer import optimize

    for _ in range(size):
        optimize(sqlglot.parse_one(QUERY), schema=SCHEMA)
    return 0
