"""The fields of a record, in order: sections 5 and 9."""
from visits import LE

FCR = ['fcr_yes', 'fcr_no', 'fcr_pending', 'fcr_unknown', 'repeats']
CSAT = ['csat_satisfied', 'csat_responses', 'csat_score_sum',
        'qa_evaluated', 'qa_defective', 'qa_defects', 'qa_opportunities']
CALL_SUMS = (['offered', 'answered', 'wait_ms_sum', 'wait_ms_max'] + ['wait_le_%ds' % s for s in LE] +
             ['abandoned', 'abandoned_short', 'flowed_out', 'sl_met', 'sl_of', 'handled', 'talk_ms_sum',
              'hold_ms_sum', 'acw_ms_sum', 'handle_ms_sum', 'transferred'] + FCR + CSAT)
CALL_DERIVED = ['asa_ms', 'aht_ms', 'sl_bp', 'abandon_bp', 'fcr_bp', 'repeat_bp', 'csat_bp', 'accuracy_bp',
                'transfer_bp', 'sl_target_bp', 'sl_ok', 'aht_target_ms', 'aht_ok', 'fcr_target_bp', 'fcr_ok',
                'csat_target_bp', 'csat_ok']
CALL_STATE = ['waiting', 'oldest_wait_ms', 'waiting_over', 'handling', 'wrapping']
TICKET_SUMS = ['opened', 'resolved', 'reopened', 'resolution_ms_sum', 'handled', 'worked_ms_sum',
               'handle_ms_sum'] + FCR + CSAT
TICKET_DERIVED = ['aht_ms', 'fcr_bp', 'csat_bp', 'accuracy_bp', 'aht_target_ms', 'aht_ok', 'fcr_target_bp',
                  'fcr_ok', 'csat_target_bp', 'csat_ok']
TICKET_STATE = ['backlog', 'backlog_overdue']
LEAD = ['client', 'queue', 'channel', 'window', 'kind', 'start_ms', 'end_ms', 'as_of_ms', 'status', 'revision',
        'contract']
