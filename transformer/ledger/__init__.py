"""The conservation ledger: does every offset read have its result? Reads topics, changes none.

Accounts are pure; `proof` and `source` read through the broker port; `stream` is the running
ledger, on Faust, which only it and `faust_app` import.
"""
